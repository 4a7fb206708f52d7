// common/dead_letter.h - an event that can never pass, kept for people: the record as
// it came and x-dead-* headers that say why, on "<worker>.dead-letters" under its own
// key.
#ifndef RELAIS_DEAD_LETTER_H
#define RELAIS_DEAD_LETTER_H

#include "common/error.h"
#include "common/http.h"
#include "common/job.h"
#include "common/record.h"

struct dead_letter {
    const char *worker; // the integration's name
    size_t max_bytes;   // the largest record that can be sent
    const struct record *record;
    const char *seen; // what the ledger remembers it by
    const struct error *error;
    int64_t attempts;
    const char *calls;                // the calls of the last attempt, or NULL
    const struct http_blamed *blamed; // the call that failed last, or NULL
};

// Adds it to the job's settlement:
// x-dead-{topic,partition,offset,key,error,kind,rule,hint,
// status,service,attempts,at,calls,request,response}. The last two are those of the
// blamed call, where the error came from its service. The same event gives the same
// outbox id.
//
// The letter never grows beyond max_bytes: first the copies of the blamed call are cut,
// then the calls left out, at last the payload is cut, which x-dead-cut tells ("900000
// of 1200000 bytes of the payload"): the event itself is where it came from.
void dead_letter_add(struct job *job, const struct dead_letter *letter);

#endif
