// workers/docuseal/reconcile.h - one look at a submission, whatever hinted at it: read
// it, compare with the round, act on the transition.
#ifndef RELAIS_DOCUSEAL_RECONCILE_H
#define RELAIS_DOCUSEAL_RECONCILE_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/evidence.h"
#include "workers/docuseal/paper.h"
#include "workers/docuseal/round.h"

struct json_object;

// One look.
struct docuseal_sight {
    const struct docuseal *ds;
    const struct event *ev;
    const char *id;                 // of the submission
    struct json_object *submission; // as read
    struct docuseal_root root;
    int64_t number; // the round its external_id names, 0 if none
    struct docuseal_round *round;
    struct json_object *row; // of the paper; NULL until it is needed
    bool unrecorded;         // the paper does not know of this submission yet
    struct docuseal_address address;
};

// The submission that a webhook or an observed event is about, in the job's memory.
// NULL: it names none (PERMANENT).
const char *docuseal_hinted(struct job *job, const struct event *ev);

// The same, as the name under which looks are joined. For handler.object.
const char *docuseal_hint_object(struct job *job, const struct event *ev);

// A webhook's or an observed event's submission, brought up to date in Directus.
bool docuseal_reconcile(struct job *job, const struct docuseal *ds,
                        const struct event *ev) ATTR_MUST_CHECK;

// The rest is shared by reconcile.c, transition.c, expiry.c, audit.c and remind.c.

// Whose submission it is: sets the root and the round's number. root.paper stays NULL:
// it is none of ours.
bool docuseal_sight_root(struct job *job, struct docuseal_sight *sight) ATTR_MUST_CHECK;

// Reads the paper's row, once; fills what the round does not know.
bool docuseal_sight_row(struct job *job, struct docuseal_sight *sight) ATTR_MUST_CHECK;

// Whether people have taken the paper back. The row must have been read.
bool docuseal_sight_is_revoked(const struct docuseal_sight *sight);

// Acts on what the round's own submission has become.
bool docuseal_sight_act(struct job *job, struct docuseal_sight *sight) ATTR_MUST_CHECK;

// An end that came too early, because the quote was prolonged since it was asked for:
// the submission is prolonged as well.
bool docuseal_sight_prolong(struct job *job, struct docuseal_sight *sight,
                            bool *prolonged) ATTR_MUST_CHECK;

// Puts right what the paper says otherwise than its round's submission, after it was
// acted on. One more read of the paper.
bool docuseal_sight_audit(struct job *job,
                          struct docuseal_sight *sight) ATTR_MUST_CHECK;

// Takes a completion over: evidence, log rows, Directus, fact.
bool docuseal_sight_complete(struct job *job,
                             struct docuseal_sight *sight) ATTR_MUST_CHECK;

#endif
