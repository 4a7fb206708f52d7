#include "common/gate.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/lease.h"

struct gate {
    const struct gate_spec *spec;
    char *company;
    struct gate *next;
    pthread_mutex_t lock;
    int inside;
    struct lease *rate; // of the gates' rates; NULL = no limit
    int64_t closed_until_ms;
    bool trying; // was closed: one at a time until one passes
    bool red;
};

enum { GATES_MAX = 1000 };

struct gates {
    const struct gate_spec *specs;
    const void *state;
    struct redis *redis;
    pthread_mutex_t lock;
    struct lease **rates; // one for each of specs, made at first use
    struct gate *first;
    int count;
};

static size_t
count_of(const struct gate_spec *specs)
{
    size_t count = 0;
    while (specs != NULL && specs[count].name != NULL)
        count++;
    return count;
}

struct gates *
gates_new(const struct gate_spec *specs, const void *state, struct redis *redis)
{
    struct gates *gates = str_calloc(1, sizeof *gates);
    gates->specs = specs;
    gates->state = state;
    gates->redis = redis;
    gates->rates = str_calloc(count_of(specs) + 1, sizeof(struct lease *));
    pthread_mutex_init(&gates->lock, NULL);
    return gates;
}

void
gates_free(struct gates *gates)
{
    if (gates == NULL)
        return;
    while (gates->first != NULL) {
        struct gate *gate = gates->first;
        gates->first = gate->next;
        pthread_mutex_destroy(&gate->lock);
        free(gate->company);
        free(gate);
    }
    for (size_t i = 0; i < count_of(gates->specs); i++)
        lease_free(gates->rates[i]);
    free(gates->rates);
    pthread_mutex_destroy(&gates->lock);
    free(gates);
}

static const struct gate_spec *
spec_of(const struct gates *gates, const char *name)
{
    for (const struct gate_spec *spec = gates->specs;
         spec != NULL && spec->name != NULL; spec++) {
        if (strcmp(spec->name, name) == 0)
            return spec;
    }
    return NULL;
}

// How many may enter in a second: of the table, or of a setting.
static int
rate_of(const struct gates *gates, const struct gate_spec *spec)
{
    if (spec->rate_at == 0)
        return spec->per_second;
    int64_t rate;
    memcpy(&rate, (const char *)gates->state + spec->rate_at, sizeof rate);
    return rate > INT_MAX ? INT_MAX : (int)rate;
}

// A provider counts calls by the address they come from: all companies' together.
static struct lease *
rate_shared(struct gates *gates, const struct gate_spec *spec)
{
    struct lease **lease = &gates->rates[spec - gates->specs];
    int rate = rate_of(gates, spec);
    if (*lease == NULL && rate > 0)
        *lease = lease_new(gates->redis, spec->name, rate);
    return *lease;
}

static struct gate *
make_gate(struct gates *gates, const struct gate_spec *spec, const char *company)
{
    struct gate *gate = str_calloc(1, sizeof *gate);
    gate->spec = spec;
    gate->company = str_dup(company);
    gate->rate = rate_shared(gates, spec);
    pthread_mutex_init(&gate->lock, NULL);
    gate->next = gates->first;
    gates->first = gate;
    gates->count++;
    return gate;
}

static struct gate *
gate_of(const struct gates *gates, const struct gate_spec *spec, const char *company)
{
    struct gate *gate = gates->first;
    while (gate != NULL && (gate->spec != spec || strcmp(gate->company, company) != 0))
        gate = gate->next;
    return gate;
}

struct gate *
gates_find(struct gates *gates, const char *name, const char *company)
{
    const struct gate_spec *spec = spec_of(gates, name);
    if (spec == NULL)
        return NULL;
    if (!spec->per_company)
        company = "";
    pthread_mutex_lock(&gates->lock);
    struct gate *gate = gate_of(gates, spec, company);
    // Names from outside must not grow the list for ever: the rest shares one.
    if (gate == NULL && gates->count >= GATES_MAX) {
        company = "";
        gate = gate_of(gates, spec, company);
    }
    if (gate == NULL)
        gate = make_gate(gates, spec, company);
    pthread_mutex_unlock(&gates->lock);
    return gate;
}

bool
gates_guard(const struct gates *gates, const char *service)
{
    return spec_of(gates, service) != NULL;
}

bool
gate_guards(const struct gate *gate, const char *service)
{
    return gate != NULL && (service == NULL || strcmp(gate->spec->name, service) == 0);
}

static bool
may_enter(struct gate *gate, int64_t now, int64_t *wait_ms)
{
    const struct gate_spec *spec = gate->spec;
    *wait_ms = 0;
    if (now < gate->closed_until_ms) {
        *wait_ms = gate->closed_until_ms - now;
        return false;
    }
    if ((gate->trying && gate->inside > 0)
        || (spec->in_flight > 0 && gate->inside >= spec->in_flight))
        return false;
    return gate->rate == NULL || lease_take(gate->rate, wait_ms);
}

bool
gate_enter(struct gate *gate, int64_t *wait_ms)
{
    pthread_mutex_lock(&gate->lock);
    bool in = may_enter(gate, clock_ms(), wait_ms);
    gate->inside += in;
    pthread_mutex_unlock(&gate->lock);
    return in;
}

void
gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside--;
    pthread_mutex_unlock(&gate->lock);
}

void
gate_close(struct gate *gate, int64_t wait_ms, bool red)
{
    pthread_mutex_lock(&gate->lock);
    int64_t until_ms = clock_ms() + wait_ms;
    if (until_ms > gate->closed_until_ms)
        gate->closed_until_ms = until_ms;
    gate->trying = true;
    gate->red = gate->red || red;
    pthread_mutex_unlock(&gate->lock);
}

void
gate_passed(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->trying = false;
    gate->red = false;
    pthread_mutex_unlock(&gate->lock);
}

int64_t
gate_closed_ms(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    int64_t left_ms = gate->closed_until_ms - clock_ms();
    pthread_mutex_unlock(&gate->lock);
    return left_ms > 0 ? left_ms : 0;
}

bool
gates_red(struct gates *gates, struct str *why)
{
    bool red = false;
    pthread_mutex_lock(&gates->lock);
    for (struct gate *gate = gates->first; gate != NULL; gate = gate->next) {
        pthread_mutex_lock(&gate->lock);
        if (gate->red)
            str_printf(why, "%s%s refuses the credentials of %s", red ? "; " : "",
                       gate->spec->name,
                       gate->company[0] != '\0' ? gate->company : "this program");
        red = red || gate->red;
        pthread_mutex_unlock(&gate->lock);
    }
    pthread_mutex_unlock(&gates->lock);
    return red;
}
