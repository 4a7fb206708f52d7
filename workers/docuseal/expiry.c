// A submission that has come to its end although the quote has not: people may prolong
// a quote that was sent.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/submission.h"

// Whether it ended when we had asked for: another end was set by people at DocuSeal.
static bool
ended_as_asked(const struct docuseal_sight *sight)
{
    const char *asked = sight->round->expires;
    const char *its = json_string_or(sight->submission, "expire_at", "");
    int64_t asked_ms;
    int64_t its_ms;
    return asked != NULL && clock_parse(asked, &asked_ms) && clock_parse(its, &its_ms)
           && asked_ms == its_ms;
}

// The end of the quote that is still open; false: it is not, or not any more.
static bool
is_open_until(const struct docuseal_sight *sight, int64_t *end_ms)
{
    const char *status = json_string_or(sight->row, "status", "");
    const char *valid_until = json_string_or(sight->row, "valid_until", "");
    return (strcmp(status, "sent") == 0 || strcmp(status, "viewed") == 0)
           && clock_day_end(valid_until, end_ms) && *end_ms > clock_wall_ms();
}

bool
docuseal_sight_prolong(struct job *job, struct docuseal_sight *sight, bool *prolonged)
{
    int64_t end_ms;
    char *end = job_alloc(job, CLOCK_TEXT);
    *prolonged = false;
    if (!ended_as_asked(sight))
        return true;
    if (!docuseal_sight_row(job, sight))
        return false;
    if (!is_open_until(sight, &end_ms))
        return true;
    clock_format(end_ms, end);
    if (!docuseal_submission_prolong(job, sight->ds, sight->id, end)) {
        if (job->error.kind != ERROR_PERMANENT)
            return false;
        error_clear(&job->error); // a server that cannot: it has expired
        return true;
    }
    *prolonged = true;
    sight->round->expires = end;
    docuseal_round_write(job, sight->round);
    settlement_note(job,
                    "submission %s ended, but the quote is valid until %.10s: "
                    "prolonged",
                    sight->id, json_string_or(sight->row, "valid_until", ""));
    return true;
}
