// common/integration.h - the tables an integration is. workers/main.c runs one of them.
#ifndef RELAIS_INTEGRATION_H
#define RELAIS_INTEGRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/config.h"
#include "common/event.h"
#include "common/http.h"
#include "common/job.h"

// One event type and what to do with it. Tables end with {0}.
struct handler {
    const char *type;
    // Reads, calls, publishes, returns. Never sleeps, retries, commits, logs above
    // debug or frees. False: job->error says what to do.
    bool (*handle)(struct job *job, const struct event *ev, void *state);
    // What a refusal for good leaves behind: its writes and facts settle with the dead
    // letter. May call; its own failure is noted and does not stop the dead letter.
    bool (*dead)(struct job *job, const struct event *ev, void *state);
    const char *gate; // the provider's gate, a name of gates[]; NULL = none
    // For a handler that reads one object and acts on what it finds: names the object,
    // in the job's memory (may end with an error; NULL = none is named). Events of
    // `hint` rows with the same `handle` that name the same object and wait right
    // behind are finished with the one that is handled, without a call of their own.
    const char *(*object)(struct job *job, const struct event *ev);
    bool hint; // says nothing but "look at the object": its payload may go unread
};

// A limit on jobs that call one provider.
struct gate_spec {
    const char *name; // of the service it guards, as in http_service.name
    int in_flight;    // at once in one process, 0 = no limit
    int per_second;   // of all companies and of all processes that share a Redis, 0 =
                      // no limit
    bool per_company; // each company has places and a circuit of its own
    size_t rate_at;   // where the state has per_second as a setting (int64_t); 0 = it
                      // has none
};

// What an integration may decide from its settings before the worker joins its group.
struct integration_options {
    const char *group;     // consumer group; default "relais-<name>"
    const char *topics[8]; // NULL-terminated
    const char *reset;     // auto.offset.reset; default "error"
    bool ledger;           // false: nothing is remembered (comparisons only)
};

struct integration {
    const char *name; // "docuseal": group relais-docuseal
    const char *const
        *topics; // NULL-terminated; NULL = <name>.webhooks, <name>.commands
    size_t state_size;
    const struct config_setting *settings; // read into the state
    // Tables that open() reads by itself, for docs/settings.md; ends with NULL. NULL =
    // none.
    const struct config_setting *const *more_settings;
    const struct handler *handlers;
    const struct gate_spec *gates; // ends with {0}; may be NULL
    bool plain_records;            // records without CloudEvents headers are welcome

    // After the settings were read, before anything is handled. Must not call out.
    bool (*open)(void *state, struct error *err);
    // After the secrets of settings were read again (SIGHUP), while handlers run: reads
    // what open() read by itself again, and keeps the old for who still reads it.
    // False: the error is logged. NULL = there is nothing of the kind.
    bool (*reload)(void *state, struct error *err);
    void (*close)(void *state);
    // Changes the options that the worker proposes. NULL = takes them as they are.
    void (*options)(void *state, struct integration_options *options);
    // Real probes, one per dependency: name as in http_service.name, and the setting
    // that says where it is. Run in a fiber, with a deadline of BREAKER_PROBE_MS: at
    // the start, and when calls fail; an open circuit is closed when its probe passes.
    const struct integration_probe {
        const char *service;
        bool (*probe)(struct job *job, void *state);
        const char *setting; // "DIRECTUS_URL"
    } * probes;              // ends with {0}; may be NULL
    // Reads what changed at the provider since its cursor and publishes `observed`. One
    // process at a time, every SWEEP_INTERVAL_MS. NULL = none.
    bool (*sweep)(struct job *job, void *state);
};

#endif
