// workers/docuseal/round.h - the signing round of a paper: what was asked for and seen
// last, kept in entity_state under the paper's root.
//
// A round is one attempt to get a signature. It grows when its submission is cancelled,
// so that the next request is an effect of its own.
#ifndef RELAIS_DOCUSEAL_ROUND_H
#define RELAIS_DOCUSEAL_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"
#include "workers/docuseal/paper.h"

struct json_object;

// Text is NULL where nothing is known.
struct docuseal_round {
    const char *entity;
    int64_t number;             // from 1
    const char *company;        // owner company's code
    const char *contact;        // Directus id
    const char *level;          // asked for in this round
    const char *expires;        // when it ends, as asked for; NULL = never
    const char *submission;     // of this round, once Directus knows of it
    const char *status;         // last one acted on: "pending", or a step's name
    const char *signed_by;      // the submission whose completion was taken over
    bool viewed;                // quote.viewed was published in this round
    struct json_object *logged; // {submitter: whether its address is in the log row}
    struct json_object *former; // ids of submissions that are no longer this round's
};

// Reads it; a new one where nothing is kept. NULL with job->error.
struct docuseal_round *
docuseal_round_read(struct job *job, const struct docuseal_root *root) ATTR_MUST_CHECK;

// Stores it in the job's settlement.
void docuseal_round_write(struct job *job, const struct docuseal_round *round);

// The next round: the present submission becomes a former one.
void docuseal_round_grow(struct job *job, struct docuseal_round *round);

// Another submission takes the present one's place in the same round.
void docuseal_round_replace(struct job *job, struct docuseal_round *round,
                            const char *submission);

// Whether the submission had its place in this round before.
bool docuseal_round_had(const struct docuseal_round *round, const char *submission);

// Whether that submission (may be NULL) is the one whose completion was taken over.
bool docuseal_round_signed_by(const struct docuseal_round *round,
                              const char *submission);

// "quote:<uuid>:r<n>": the identity of the effect.
const char *docuseal_round_identity(struct job *job,
                                    const struct docuseal_round *round);

// The number as text: the occurrence of the round's facts.
const char *docuseal_round_text(struct job *job, const struct docuseal_round *round);

#endif
