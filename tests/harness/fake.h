// tests/harness/fake.h - one handler run as the worker would run it, with fakes at the
// I/O seams: replies instead of services, memory instead of Postgres.
//
// What a delivery leaves behind stays for the next one, so that a test tells a story:
// deliver, look, deliver again.
#ifndef RELAIS_FAKE_H
#define RELAIS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/integration.h"
#include "common/job.h"
#include "common/ledger.h"

struct json_object;

// One answer, played in order; an array of them ends with {0}. A call that is not the
// next one, or is missing at the end, fails the test.
struct fake_reply {
    const char *method;
    const char *url; // the path asked for; '*' at the end matches whatever follows
    int status;
    const char *body; // NULL = empty
    int64_t retry_after_ms;
    enum error_kind cut; // no answer: RETRYABLE = never sent, UNSURE = after the bytes
                         // left (RETRYABLE then for a call that may be repeated)
    const char *sends;   // must occur in what is sent; NULL = anything
};

// A call as it was made.
struct fake_call {
    const char *service, *method, *base_url, *path;
    const char *body;  // what was sent; of multipart its fields as "name=value\n"
    const char *token; // X-Auth-Token, X-API-TOKEN or Authorization; NULL if none went
                       // along
    bool once;
};

// A row of the outbox, decoded.
struct fake_event {
    const char *topic, *key, *id, *type, *source, *original_id;
    struct json_object *data;
};

enum { FAKE_ROWS = 200 };

struct fake_pair {
    const char *name, *value;
};

struct fake_effect {
    const char *kind, *identity, *result;
    enum ledger_effect_state state; // OPEN, CONFIRMED, FLAGGED, or UNSURE for an intent
    int64_t attempt, deadline_ms;
};

struct fake {
    struct ledger ledger; // first: the fake is found by it
    struct job keep;      // what lives as long as the fake
    int64_t now_ms;       // the ledger's clock
    const struct integration *integration;
    void *state;      // of the integration
    const char *time; // of the next events (RFC 3339); NULL = they say none

    const struct fake_reply *replies;
    struct fake_call calls[FAKE_ROWS]; // of the last delivery
    int call_count;

    struct fake_event published[FAKE_ROWS]; // of all deliveries
    int published_count;
    struct fake_pair states[FAKE_ROWS];
    int state_count;
    struct fake_pair cursors[FAKE_ROWS];
    int cursor_count;
    struct fake_pair attentions[FAKE_ROWS]; // kind and entity
    int attention_count;
    struct ledger_ref refs[FAKE_ROWS];
    int ref_count;
    struct fake_effect effects[FAKE_ROWS];
    int effect_count;

    const char *note;         // of the last delivery
    const char *shown;        // its lines about calls
    const char *dead_problem; // what the dead function failed with, or NULL
};

// integration and state are whose handlers fake_deliver() runs; may be NULL without it.
void fake_begin(struct fake *fake, const struct integration *integration, void *state);
void fake_end(struct fake *fake);

// Sets an environment variable; NULL removes it.
void fake_setting(const char *name, const char *value);

// Lets the service's calls be answered by the fake.
void fake_service(struct fake *fake, struct http_service *service);

// Runs the handler of that type on one event; data is JSON text. PERMANENT errors run
// the handler's dead function as well. Returns the handler's error.
struct error fake_deliver(struct fake *fake, const char *type, const char *key,
                          const char *data, const struct fake_reply replies[]);

// Runs a function of a job without an event (a sweep, a probe).
struct error fake_run(struct fake *fake, bool (*run)(struct job *job, void *state),
                      void *state, const struct fake_reply replies[]);

// The last event published of that type, or NULL.
const struct fake_event *fake_last(const struct fake *fake, const char *type);
int fake_count(const struct fake *fake, const char *type);

// entity_state as JSON; NULL if none is kept.
struct json_object *fake_state(struct fake *fake, const char *entity);
void fake_set_state(struct fake *fake, const char *entity, const char *json);

const struct fake_effect *fake_effect(const struct fake *fake, const char *identity);
// Adds it, or replaces the one of that kind and identity.
void fake_set_effect(struct fake *fake, const struct fake_effect *effect);

bool fake_has_attention(const struct fake *fake, const char *kind);

// Private to fake*.c.
void fake_ledger_begin(struct fake *fake);
void fake_ledger_settle(struct fake *fake, struct job *job);
void fake_set_pair(struct fake *fake, struct fake_pair pairs[], int *count,
                   const char *name, const char *value);

#endif
