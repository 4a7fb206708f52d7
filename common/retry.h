// common/retry.h - what follows from an error: a pure decision.
#ifndef RELAIS_RETRY_H
#define RELAIS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct retry_policy {
    int64_t first_ms;   // delay after the first failure; doubles, with jitter
    int64_t memory_ms;  // delays up to this are waited in memory, longer ones parked
    int64_t park_ms;    // shortest delay of a parked event
    int64_t max_ms;     // longest delay
    int64_t give_up_ms; // age since the first attempt at which it becomes a dead letter
    int64_t refused_ms; // until credentials that were refused are tried again
};

enum retry_action {
    RETRY_AGAIN, // from memory, after delay_ms
    RETRY_PARK,  // from the ledger, after delay_ms
    RETRY_DEAD,  // never: a dead letter
    RETRY_GATE,  // when the gate opens again, after delay_ms
    RETRY_DROP,  // not ours any more
};

struct retry {
    enum retry_action action;
    int64_t delay_ms;
    bool counts; // this attempt counts
};

// attempts: failed ones that counted, with this one; age_ms: since the first attempt;
// random: any number, for the jitter.
struct retry retry_decide(const struct retry_policy *policy, const struct error *err,
                          int64_t attempts, int64_t age_ms, uint64_t random);

#endif
