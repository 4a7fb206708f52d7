// Rows of signature_logs.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/docuseal/evidence.h"
#include "workers/docuseal/submission.h"

const char *
docuseal_log_id(struct job *job, const char *submitter)
{
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){"docuseal.submitter", submitter, NULL}, id);
    return id;
}

bool
docuseal_address_of(const struct docuseal_address *address, const char *submitter)
{
    return address->ip != NULL && address->submitter != NULL
           && strcmp(address->submitter, submitter) == 0;
}

bool
docuseal_address_find(struct job *job, const struct docuseal *ds,
                      struct json_object *submitter, struct docuseal_address *address)
{
    const char *id = json_text_or(submitter, "id", "");
    const char *at = json_string_or(submitter, "completed_at", "");
    int64_t at_ms;
    if (!clock_parse(at, &at_ms))
        return true;
    struct json_object *page =
        docuseal_completed_page(job, ds, "form", at_ms / 1000 - 1, at_ms / 1000 + 2);
    if (page == NULL && job->error.http_status == 404)
        error_clear(&job->error);
    else if (page == NULL)
        return false;
    struct json_object *forms = page != NULL ? json_array_or_null(page, "data") : NULL;
    size_t count = forms != NULL ? json_object_array_length(forms) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *form = json_at(json_object_array_get_idx(forms, i), "data");
        if (strcmp(json_text_or(form, "id", ""), id) != 0)
            continue;
        address->submitter = id;
        address->ip = json_string_or(form, "ip", NULL);
        address->agent = json_string_or(form, "ua", NULL);
    }
    return true;
}

void
docuseal_log_address(struct json_object *row, const struct docuseal_address *address)
{
    json_set_string(row, "ip_address", address->ip);
    json_set_string(row, "user_agent", address->agent);
}

// Everybody who signs, as far as it is known: who, as what, when, and once all is done
// which documents.
static struct json_object *
signers_of(struct job *job, struct json_object *submission,
           const struct docuseal_evidence *evidence)
{
    static const char *const members[] = {
        "role", "name", "email", "status", "completed_at", "declined_at", NULL};
    struct json_object *signers = json_array_in(job);
    struct json_object *list = json_array_or_null(submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *submitter = json_object_array_get_idx(list, i);
        struct json_object *signer = json_object_in(job);
        json_set_string(signer, "id", json_text_or(submitter, "id", ""));
        for (int m = 0; members[m] != NULL; m++)
            json_set_string(signer, members[m],
                            json_string_or(submitter, members[m], NULL));
        if (evidence != NULL)
            json_set(signer, "documents", evidence->documents);
        json_add(signers, signer);
    }
    return signers;
}

static void
set_evidence(struct json_object *row, const struct docuseal_log *log)
{
    const struct docuseal_evidence *evidence = log->evidence;
    json_set_string(row, "completed_at",
                    json_string_or(log->submission, "completed_at", NULL));
    json_set_string(row, "document_hash", evidence->document_hash);
    if (evidence->audit_log != NULL)
        json_set_string(row, "audit_log_file", evidence->audit_log);
}

static bool
is_company(struct json_object *submitter)
{
    return str_ends(json_string_or(submitter, "external_id", ""), ":company");
}

struct json_object *
docuseal_log_row(struct job *job, const struct docuseal_log *log)
{
    const char *submitter = json_text_or(log->submitter, "id", "");
    const char *asked =
        log->round->level != NULL
            ? log->round->level
            : json_string_or(log->submitter, "metadata.signature_level", NULL);
    struct json_object *row = json_object_in(job);
    json_set_string(row, "id", docuseal_log_id(job, submitter));
    json_set_string(row, "provider", "docuseal");
    json_set_string(row, "provider_reference",
                    json_text_or(log->submission, "id", NULL));
    json_set_string(row, "signature_level", asked);
    json_set_string(
        row, "evidenced_level",
        docuseal_level_name(docuseal_level_evidenced(log->submission, submitter)));
    json_set_string(row, "status", log->status);
    json_set(row, "signers", signers_of(job, log->submission, log->evidence));
    json_set_string(row, "signed_at",
                    json_string_or(log->submitter, "completed_at", NULL));
    if (log->round->contact != NULL && !is_company(log->submitter))
        json_set_string(row, "contact_id", log->round->contact);
    if (docuseal_address_of(log->address, submitter))
        docuseal_log_address(row, log->address);
    if (log->decline_reason != NULL)
        json_set_string(row, "decline_reason", log->decline_reason);
    if (log->evidence != NULL)
        set_evidence(row, log);
    return row;
}
