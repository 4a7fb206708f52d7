#include "common/circuit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { PROBE_FIRST_MS = 1000, PROBE_MAX_MS = 15000 };

enum circuit_state {
    CIRCUIT_CLOSED,  // all is well
    CIRCUIT_SUSPECT, // a probe was asked for
    CIRCUIT_OPEN,    // a probe failed: down until one passes
};

struct circuit {
    const struct integration_probe *probe;
    enum circuit_state state;
    int64_t failures; // since first_ms
    int64_t first_ms;
    int64_t probe_at_ms, wait_ms;
    bool probing;
};

struct circuits {
    pthread_mutex_t lock;
    int64_t failures, window_ms;
    int count;
    struct circuit all[];
};

struct circuits *
circuits_new(const struct integration_probe *probes, int64_t failures,
             int64_t window_ms)
{
    size_t count = 0;
    while (probes != NULL && probes[count].service != NULL)
        count++;
    struct circuits *circuits =
        str_calloc(1, sizeof *circuits + count * sizeof circuits->all[0]);
    pthread_mutex_init(&circuits->lock, NULL);
    circuits->failures = failures;
    circuits->window_ms = window_ms;
    circuits->count = (int)count;
    for (size_t i = 0; i < count; i++)
        circuits->all[i] =
            (struct circuit){.probe = &probes[i], .wait_ms = PROBE_FIRST_MS};
    return circuits;
}

void
circuits_free(struct circuits *circuits)
{
    if (circuits == NULL)
        return;
    pthread_mutex_destroy(&circuits->lock);
    free(circuits);
}

static struct circuit *
circuit_of(struct circuits *circuits, const char *service)
{
    for (int i = 0; service != NULL && i < circuits->count; i++) {
        if (strcmp(circuits->all[i].probe->service, service) == 0)
            return &circuits->all[i];
    }
    return NULL;
}

static void
count_failure(const struct circuits *circuits, struct circuit *circuit, int64_t now)
{
    if (circuit->failures == 0 || now - circuit->first_ms > circuits->window_ms) {
        circuit->failures = 0;
        circuit->first_ms = now;
    }
    if (++circuit->failures < circuits->failures)
        return;
    circuit->state = CIRCUIT_SUSPECT;
    circuit->probe_at_ms = now;
    circuit->wait_ms = PROBE_FIRST_MS;
}

void
circuits_failed(struct circuits *circuits, const char *service)
{
    pthread_mutex_lock(&circuits->lock);
    struct circuit *circuit = circuit_of(circuits, service);
    if (circuit != NULL && circuit->state == CIRCUIT_CLOSED)
        count_failure(circuits, circuit, clock_ms());
    pthread_mutex_unlock(&circuits->lock);
}

bool
circuits_hold(struct circuits *circuits, const char *service)
{
    pthread_mutex_lock(&circuits->lock);
    struct circuit *circuit = circuit_of(circuits, service);
    bool hold = circuit != NULL && circuit->state != CIRCUIT_CLOSED;
    pthread_mutex_unlock(&circuits->lock);
    return hold;
}

static void
put_down(struct str *why, const struct integration_probe *probe, bool first)
{
    str_printf(why, "%s%s does not answer", first ? "" : "; ", probe->service);
    if (probe->setting != NULL)
        str_printf(why, " (%s)", probe->setting);
}

bool
circuits_down(struct circuits *circuits, struct str *why)
{
    bool down = false;
    pthread_mutex_lock(&circuits->lock);
    for (int i = 0; i < circuits->count; i++) {
        if (circuits->all[i].state != CIRCUIT_OPEN)
            continue;
        if (why != NULL)
            put_down(why, circuits->all[i].probe, !down);
        down = true;
    }
    pthread_mutex_unlock(&circuits->lock);
    return down;
}

const struct integration_probe *
circuits_due(struct circuits *circuits)
{
    const struct integration_probe *due = NULL;
    int64_t now = clock_ms();
    pthread_mutex_lock(&circuits->lock);
    for (int i = 0; i < circuits->count && due == NULL; i++) {
        struct circuit *circuit = &circuits->all[i];
        if (circuit->state == CIRCUIT_CLOSED || circuit->probing
            || now < circuit->probe_at_ms)
            continue;
        circuit->probing = true;
        due = circuit->probe;
    }
    pthread_mutex_unlock(&circuits->lock);
    return due;
}

void
circuits_probed(struct circuits *circuits, const struct integration_probe *probe,
                bool passed)
{
    pthread_mutex_lock(&circuits->lock);
    struct circuit *circuit = circuit_of(circuits, probe->service);
    circuit->probing = false;
    if (passed) {
        circuit->state = CIRCUIT_CLOSED;
        circuit->failures = 0;
    } else {
        circuit->state = CIRCUIT_OPEN;
        circuit->probe_at_ms = clock_ms() + circuit->wait_ms;
        circuit->wait_ms =
            circuit->wait_ms * 2 > PROBE_MAX_MS ? PROBE_MAX_MS : circuit->wait_ms * 2;
    }
    pthread_mutex_unlock(&circuits->lock);
}
