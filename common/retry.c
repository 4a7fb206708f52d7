#include "common/retry.h"

// Between half and all of the doubled delay, so that what failed together does not come
// back together.
static int64_t
backoff(const struct retry_policy *policy, int64_t attempts, uint64_t random)
{
    int64_t delay = policy->first_ms;
    for (int64_t i = 1; i < attempts && delay < policy->max_ms; i++)
        delay *= 2;
    if (delay > policy->max_ms)
        delay = policy->max_ms;
    return delay - (int64_t)(random % (uint64_t)(delay / 2 + 1));
}

static struct retry
wait_or_park(const struct retry_policy *policy, int64_t delay_ms, bool counts)
{
    if (delay_ms <= policy->memory_ms)
        return (struct retry){RETRY_AGAIN, delay_ms, counts};
    if (delay_ms < policy->park_ms)
        delay_ms = policy->park_ms;
    return (struct retry){RETRY_PARK, delay_ms, counts};
}

struct retry
retry_decide(const struct retry_policy *policy, const struct error *err,
             int64_t attempts, int64_t age_ms, uint64_t random)
{
    int64_t asked_ms = err->retry_after_ms;
    if (err->kind == ERROR_FENCED)
        return (struct retry){.action = RETRY_DROP};
    if (err->kind == ERROR_PERMANENT || err->kind == ERROR_NONE
        || age_ms >= policy->give_up_ms)
        return (struct retry){.action = RETRY_DEAD, .counts = true};
    switch (err->kind) {
    case ERROR_UNSURE:
        return wait_or_park(policy, asked_ms > 0 ? asked_ms : policy->first_ms, false);
    case ERROR_RATE_LIMITED:
        return (struct retry){
            RETRY_GATE, asked_ms > 0 ? asked_ms : backoff(policy, 2, random), false};
    case ERROR_FATAL:
        return (struct retry){RETRY_GATE, policy->refused_ms, false};
    default:
        break;
    }
    int64_t delay_ms = backoff(policy, attempts, random);
    return wait_or_park(policy, asked_ms > delay_ms ? asked_ms : delay_ms, true);
}
