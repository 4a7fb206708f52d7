// workers/orchestrator/acceptances.c - what a moved acceptance of the general terms
// means.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

static const char *
acceptance_meaning(const char *from, const char *to)
{
    bool pending = strcmp(to, "pending_signature") == 0;
    return pending && strcmp(from, to) != 0 ? WHEN_CGV_PENDING : NULL;
}

static bool
settle_acceptance(struct job *job, struct orchestrator_sight *sight)
{
    const char *means = acceptance_meaning(sight->from, sight->to);
    bool has_submission =
        json_text_or(sight->row, "docuseal_submission_id", "")[0] != '\0';

    sight->memory->status = sight->to;
    if (means == NULL || has_submission) {
        settlement_note(job, "status %s: nothing follows", sight->to);
    } else {
        struct orchestrator_occasion occasion =
            orchestrator_occasion_of(job, sight, means, "acceptance");
        if (!orchestrator_chain(job, &occasion))
            return false;
    }
    orchestrator_keep(job, sight->memory);
    return true;
}

// An acceptance of the general terms moved.
// In:    directus.cgv_acceptances.* {collection, key, old, new}
// Out:   docuseal.cgv.request when it became pending_signature without a submission
// Again: the memory has the status; the command's id hangs on the change, and the
//        signature request is one effect per acceptance and round.
bool
orchestrator_acceptance(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_change change;
    struct orchestrator_memory memory;
    bool ignore;
    if (!orchestrator_change_read(job, ev, state, &change, &ignore))
        return false;
    if (ignore)
        return true;
    const char *root = job_printf(job, "cgv:%s", change.key);
    if (!orchestrator_remember(job, root, &memory))
        return false;
    if (orchestrator_is_stale(job, ev, &change, &memory))
        return true;

    struct orchestrator_sight sight = {
        .o = state,
        .ev = ev,
        .change = &change,
        .memory = &memory,
        .fields = "id,status,docuseal_submission_id,owner_company_id.code"};
    if (!orchestrator_look(job, &sight, acceptance_meaning))
        return false;
    return sight.row == NULL || settle_acceptance(job, &sight);
}
