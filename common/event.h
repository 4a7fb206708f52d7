// common/event.h - CloudEvents 1.0 on Kafka: binary mode out, binary and structured
// mode in.
#ifndef RELAIS_EVENT_H
#define RELAIS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"
#include "common/record.h"

struct json_object;

// Everything Relais makes says ce_source = EVENT_SOURCE "/<program>".
#define EVENT_SOURCE "relais"

struct event {
    const char *id;
    const char *source;
    const char *type;
    const char *subject;      // the entity's root, "quote:<uuid>"; "" if unknown
    const char *time;         // RFC 3339, "" if absent or something else
    const char *original_id;  // of a replay or a re-keyed event, else NULL
    const char *traceparent;  // "" if absent or invalid
    const char *company;      // owner company's code, "" if unknown
    const char *key;          // the lane it came in
    int64_t sequence;         // ce_sequence of a captured change, -1 if absent
    int64_t ahead_ms;         // ce_aheadms: how far whoever said it was ahead of the
                              // real time (job_now_ms()); 0 if absent
    struct json_object *data; // never NULL; an empty object for an empty payload
    const struct record *record;
};

// Decodes a record into the job's memory. With `plain`, a record without CloudEvents
// headers gets the id "<topic>/<partition>/<offset>", source "kafka" and type "plain",
// and its payload is not parsed. False: job->error is PERMANENT and names the header or
// member.
bool event_decode(struct job *job, const struct record *record, bool plain,
                  struct event *ev) ATTR_MUST_CHECK;

// What the ledger remembers it by: the id for what Relais made, "<source> <id>" for
// foreign events (its SHA-256 where that is too long). False: it has neither. Reads
// only headers (or the structured envelope); belongs to the caller's buffer.
enum { EVENT_SEEN = 300 };
bool event_seen_key(const struct record *record, bool plain, char out[EVENT_SEEN]);

// The identity that every effect and follow-up derives from: original_id if there is
// one.
const char *event_identity(const struct event *ev);

#endif
