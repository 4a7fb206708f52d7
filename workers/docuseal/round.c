#include "workers/docuseal/round.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"

// A copy that may be changed: what was read belongs to others.
static struct json_object *
copy_members(struct job *job, struct json_object *from)
{
    struct json_object *to = json_object_in(job);
    if (json_object_is_type(from, json_type_object)) {
        json_object_object_foreach(from, name, value)
        {
            json_set(to, name, value);
        }
    }
    return to;
}

static struct json_object *
copy_elements(struct job *job, struct json_object *from)
{
    struct json_object *to = json_array_in(job);
    for (size_t i = 0; from != NULL && i < json_object_array_length(from); i++)
        json_add(to, json_object_array_get_idx(from, i));
    return to;
}

struct docuseal_round *
docuseal_round_read(struct job *job, const struct docuseal_root *root)
{
    struct json_object *state = ledger_state(job, root->key);
    if (state == NULL)
        return NULL;
    struct docuseal_round *round = job_alloc(job, sizeof *round);
    *round = (struct docuseal_round){
        .entity = root->key,
        .number = json_i64_or(state, "round", 1),
        .company = json_string_or(state, "company", NULL),
        .contact = json_string_or(state, "contact", NULL),
        .level = json_string_or(state, "level", NULL),
        .expires = json_string_or(state, "expires", NULL),
        .submission = json_string_or(state, "submission", NULL),
        .status = json_string_or(state, "status", NULL),
        .signed_by = json_string_or(state, "signed_by", NULL),
        .viewed = json_bool_or(state, "viewed", false),
        .logged = copy_members(job, json_at(state, "logged")),
        .former = copy_elements(job, json_array_or_null(state, "former")),
    };
    return round;
}

static void
set_known(struct json_object *state, const char *name, const char *value)
{
    if (value != NULL)
        json_set_string(state, name, value);
}

void
docuseal_round_write(struct job *job, const struct docuseal_round *round)
{
    struct json_object *state = json_object_in(job);
    json_set_i64(state, "round", round->number);
    set_known(state, "company", round->company);
    set_known(state, "contact", round->contact);
    set_known(state, "level", round->level);
    set_known(state, "expires", round->expires);
    set_known(state, "submission", round->submission);
    set_known(state, "status", round->status);
    set_known(state, "signed_by", round->signed_by);
    json_set_bool(state, "viewed", round->viewed);
    json_set(state, "logged", round->logged);
    json_set(state, "former", round->former);
    settlement_state(job, round->entity, state);
}

void
docuseal_round_replace(struct job *job, struct docuseal_round *round,
                       const char *submission)
{
    if (round->submission != NULL && !docuseal_round_had(round, round->submission))
        json_add_string(round->former, round->submission);
    round->submission = submission;
    round->viewed = false;
    round->logged = json_object_in(job);
}

void
docuseal_round_grow(struct job *job, struct docuseal_round *round)
{
    docuseal_round_replace(job, round, NULL);
    round->level = NULL;
    round->expires = NULL;
    round->number++;
}

bool
docuseal_round_had(const struct docuseal_round *round, const char *submission)
{
    for (size_t i = 0; i < json_object_array_length(round->former); i++) {
        struct json_object *id = json_object_array_get_idx(round->former, i);
        if (strcmp(json_object_get_string(id), submission) == 0)
            return true;
    }
    return false;
}

bool
docuseal_round_signed_by(const struct docuseal_round *round, const char *submission)
{
    return round->signed_by != NULL && submission != NULL
           && strcmp(round->signed_by, submission) == 0;
}

const char *
docuseal_round_identity(struct job *job, const struct docuseal_round *round)
{
    return job_printf(job, "%s:r%" PRId64, round->entity, round->number);
}

const char *
docuseal_round_text(struct job *job, const struct docuseal_round *round)
{
    return job_printf(job, "%" PRId64, round->number);
}
