#include "common/ledger.h"

#include <string.h>

#include "common/json.h"
#include "common/settlement.h"

static bool
has_ledger(struct job *job)
{
    if (job->ledger != NULL)
        return true;
    return error_permanent(&job->error, "there is no ledger behind this job");
}

struct json_object *
ledger_state(struct job *job, const char *entity)
{
    const struct settle_state *said = NULL;
    if (job->settlement != NULL)
        said = job->settlement->states;
    for (; said != NULL; said = said->next)
        if (strcmp(said->entity, entity) == 0)
            return json_parse(job, said->state, strlen(said->state));

    struct json_object *state = NULL;
    if (!has_ledger(job) || !job->ledger->state_read(job->ledger, job, entity, &state))
        return NULL;
    return state;
}

bool
ledger_ref_remote(struct job *job, const char *system, const char *company,
                  const char *remote_type, const char *remote_id,
                  struct ledger_ref *ref)
{
    struct ledger_ref remote = {
        .company = company, .remote_type = remote_type, .remote_id = remote_id};
    return has_ledger(job)
           && job->ledger->ref_remote(job->ledger, job, system, &remote, ref);
}

bool
ledger_cursor(struct job *job, const char *name, const char **value)
{
    return has_ledger(job) && job->ledger->cursor_read(job->ledger, job, name, value);
}
