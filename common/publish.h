// common/publish.h - follow-up events of a job. They are kept in its settlement and go
// out when it is committed: none without the others, none twice (consumers skip by id).
#ifndef RELAIS_PUBLISH_H
#define RELAIS_PUBLISH_H

#include <stdbool.h>

#include "common/event.h"
#include "common/job.h"

struct json_object;

// A fact, to journey.facts. root ("quote:<uuid>") is key and subject. occurrence tells
// one happening from the next ("" where events.md has none): the id is uuid v5 of
// (root, type, occurrence), so the same happening has the same id whoever says it. data
// must carry `company`. Returns the id (in the job).
const char *publish_fact(struct job *job, const char *type, const char *root,
                         const char *occurrence, struct json_object *data);

// The id publish_fact() would give.
const char *publish_fact_id(struct job *job, const char *type, const char *root,
                            const char *occurrence);

// A command, to "<first word of type>.commands", in lane key, about subject. cause is
// the fact's id (or event_identity() of what is handled): the id is uuid v5 of (cause,
// type, step); step "" unless one cause sends the same type twice. Returns the id.
struct publish_command {
    const char *type;
    const char *key;
    const char *subject;
    const char *cause;
    const char *step; // NULL = ""
    struct json_object *data;
};
const char *publish_command(struct job *job, const struct publish_command *command);

// A command for later: it goes out once due_ms (of job_now_ms()) has passed, also after
// restarts; where that is past, at once. There is one per (entity, type): it replaces
// an earlier one.
struct publish_later {
    const char *entity; // whose timer it is: "invoice:<uuid>"
    const char *type;   // "orchestrator.overdue"
    const char *root;   // key and subject: the lane that decides
    int64_t due_ms;
    struct json_object *data;
};
void publish_later(struct job *job, const struct publish_later *later);

// Takes that back, if it is there. What has gone out already finds in its lane that it
// is too late.
void publish_never(struct job *job, const char *entity, const char *type);

// "Look at this object": "<integration>.<noun>.observed" with {company, remote_id,
// root, why}. id NULL = random (sweeps), else the caller's.
struct publish_observed {
    const char *type;
    const char *key;
    const char *root;
    const char *company;
    const char *remote_id;
    const char *why;
    const char *id;
};
void publish_observed(struct job *job, const struct publish_observed *observed);

// The event being handled once more, in its right lane: same topic, type, source and
// data, new key, id uuid v5 of (identity, key), ce_originalid = its identity. The
// caller then returns true: this event is finished.
void publish_rekeyed(struct job *job, const struct event *ev, const char *key,
                     const char *subject);

// Anything else (the CLI's replays, capture): all attributes given. Memory is copied.
struct publish_raw {
    const char *topic, *key;
    const char *id, *source, *type, *subject, *company;
    const char *time;        // NULL = now
    const char *original_id; // NULL = none
    const char *traceparent; // NULL = of the event being handled
    const char *sequence;    // NULL = none
    const void *payload;
    size_t payload_length;
};
void publish_raw(struct job *job, const struct publish_raw *raw);

#endif
