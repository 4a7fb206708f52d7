// An audit of the round's own submission: what the paper says of it is compared with
// what DocuSeal says, whatever was acted on before.
#include <string.h>

#include "common/drift.h"
#include "common/json.h"
#include "workers/docuseal/change.h"

static const char *
fields_of(struct job *job, const struct docuseal_paper *paper)
{
    return job_printf(job, "%s,signed_document_file,signature_logs.id%s%s",
                      paper->fields, paper->audit_field != NULL ? "," : "",
                      paper->audit_field != NULL ? paper->audit_field : "");
}

static size_t
count_of(struct json_object *row, const char *member)
{
    struct json_object *list = json_array_or_null(row, member);
    return list != NULL ? json_object_array_length(list) : 0;
}

// What is missing of a signature's evidence, or NULL.
static const char *
missing(const struct docuseal_sight *sight)
{
    const struct docuseal_paper *paper = sight->root.paper;
    if (json_at(sight->row, "signed_document_file") == NULL)
        return "signed_document_file";
    if (paper->audit_field != NULL && json_at(sight->row, paper->audit_field) == NULL)
        return paper->audit_field;
    if (count_of(sight->row, "signature_logs") < docuseal_signer_count(sight))
        return "signature_logs";
    return NULL;
}

// As if it had just been signed: files and log rows have ids of their own, so that what
// is there stays, and who has heard of the signature knows the fact.
static bool
complete_again(struct job *job, struct docuseal_sight *sight, const char *what)
{
    sight->round->logged = json_object_in(job);
    sight->unrecorded = true;
    if (!docuseal_sight_complete(job, sight))
        return false;
    drift_note(job, "%s was not there", what);
    return true;
}

// The paper's word for what the round came to; NULL: it has none, or people's holds.
static const char *
word_of(const struct docuseal_sight *sight)
{
    const struct docuseal_paper *paper = sight->root.paper;
    const char *status = sight->round->status;
    if (status == NULL || docuseal_sight_is_revoked(sight))
        return NULL;
    for (int step = 0; step < DOCUSEAL_STEPS; step++)
        if (strcmp(docuseal_step_name((enum docuseal_step)step), status) == 0)
            return paper->words[step].status;
    return paper->pending;
}

bool
docuseal_sight_audit(struct job *job, struct docuseal_sight *sight)
{
    const struct docuseal_paper *paper = sight->root.paper;
    struct json_object *wanted = json_object_in(job);
    if (!drift_read(&sight->ds->directus, job, paper->collection, sight->root.id,
                    fields_of(job, paper), &sight->row))
        return false;
    if (sight->row == NULL)
        return true;
    const char *what =
        docuseal_round_signed_by(sight->round, sight->id) ? missing(sight) : NULL;
    if (what != NULL)
        return complete_again(job, sight, what);
    const char *word = word_of(sight);
    json_set_string(wanted, "docuseal_submission_id", sight->id);
    if (word != NULL)
        json_set_string(wanted, paper->status_field, word);
    const struct docuseal_write write = {.patch = drift_of(job, sight->row, wanted)};
    return docuseal_paper_write(job, sight->ds, &sight->root, &write);
}
