#include "common/circuit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { PROBE_FIRST_MS = 1000 };

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
    int64_t passed_ms; // when a probe last passed; 0 = none has
    bool probing;
    const char *refused; // why the last probe was, or NULL
};

struct circuits {
    pthread_mutex_t lock;
    int64_t failures, window_ms, probe_ms;
    int count;
    struct circuit all[];
};

struct circuits *
circuits_new(const struct integration_probe *probes, int64_t failures,
             int64_t window_ms, int64_t probe_ms)
{
    size_t count = 0;
    while (probes != NULL && probes[count].service != NULL)
        count++;
    struct circuits *circuits =
        str_calloc(1, sizeof *circuits + count * sizeof circuits->all[0]);
    pthread_mutex_init(&circuits->lock, NULL);
    circuits->failures = failures;
    circuits->window_ms = window_ms;
    circuits->probe_ms = probe_ms;
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

static int
index_of(const struct circuits *circuits, const char *service)
{
    for (int i = 0; service != NULL && i < circuits->count; i++) {
        if (strcmp(circuits->all[i].probe->service, service) == 0)
            return i;
    }
    return -1;
}

static struct circuit *
circuit_of(struct circuits *circuits, const char *service)
{
    int i = index_of(circuits, service);
    return i >= 0 ? &circuits->all[i] : NULL;
}

const char *
circuits_service(const struct circuits *circuits, const char *service)
{
    int i = index_of(circuits, service);
    return i >= 0 ? circuits->all[i].probe->service : NULL;
}

static void
suspect(struct circuit *circuit, int64_t now)
{
    circuit->state = CIRCUIT_SUSPECT;
    circuit->probe_at_ms = now;
    circuit->wait_ms = PROBE_FIRST_MS;
}

static void
count_failure(const struct circuits *circuits, struct circuit *circuit, int64_t now)
{
    if (circuit->failures == 0 || now - circuit->first_ms > circuits->window_ms) {
        circuit->failures = 0;
        circuit->first_ms = now;
    }
    if (++circuit->failures >= circuits->failures)
        suspect(circuit, now);
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
put_down(struct str *why, const struct circuit *circuit, bool first)
{
    const struct integration_probe *probe = circuit->probe;
    str_printf(why, "%s%s ", first ? "" : "; ", probe->service);
    if (circuit->refused != NULL) {
        str_printf(why, "refuses this program: %s", circuit->refused);
        return;
    }
    str_puts(why, "does not answer");
    if (probe->setting != NULL)
        str_printf(why, " (%s)", probe->setting);
}

bool
circuits_doubt(struct circuits *circuits, const char *service, int64_t fresh_ms)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&circuits->lock);
    struct circuit *circuit = circuit_of(circuits, service);
    bool fresh = circuit != NULL && circuit->passed_ms != 0
                 && now - circuit->passed_ms <= fresh_ms;
    bool doubt = circuit != NULL && !fresh;
    if (doubt && circuit->state == CIRCUIT_CLOSED)
        suspect(circuit, now);
    pthread_mutex_unlock(&circuits->lock);
    return doubt;
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
            put_down(why, &circuits->all[i], !down);
        down = true;
    }
    pthread_mutex_unlock(&circuits->lock);
    return down;
}

// Counted from where a probe begins: one that hangs does not make the next one wait.
static void
begin_probe(const struct circuits *circuits, struct circuit *circuit, int64_t now)
{
    int64_t wait_ms =
        circuit->wait_ms < circuits->probe_ms ? circuit->wait_ms : circuits->probe_ms;
    circuit->probing = true;
    circuit->probe_at_ms = now + wait_ms;
    circuit->wait_ms = wait_ms * 2;
}

const struct integration_probe *
circuits_due(struct circuits *circuits, int64_t now_ms)
{
    const struct integration_probe *due = NULL;
    pthread_mutex_lock(&circuits->lock);
    for (int i = 0; i < circuits->count && due == NULL; i++) {
        struct circuit *circuit = &circuits->all[i];
        if (circuit->state == CIRCUIT_CLOSED || circuit->probing
            || now_ms < circuit->probe_at_ms)
            continue;
        begin_probe(circuits, circuit, now_ms);
        due = circuit->probe;
    }
    pthread_mutex_unlock(&circuits->lock);
    return due;
}

bool
circuits_probed(struct circuits *circuits, const struct integration_probe *probe,
                bool passed)
{
    pthread_mutex_lock(&circuits->lock);
    struct circuit *circuit = circuit_of(circuits, probe->service);
    bool back = passed && circuit->state == CIRCUIT_OPEN;
    circuit->probing = false;
    circuit->state = passed ? CIRCUIT_CLOSED : CIRCUIT_OPEN;
    if (passed) {
        circuit->failures = 0;
        circuit->passed_ms = clock_ms();
    }
    pthread_mutex_unlock(&circuits->lock);
    return back;
}

void
circuits_refused(struct circuits *circuits, const struct integration_probe *probe,
                 const char *hint)
{
    pthread_mutex_lock(&circuits->lock);
    circuit_of(circuits, probe->service)->refused = hint;
    pthread_mutex_unlock(&circuits->lock);
}
