// What a quote's request needs: who signs, until when, with which template and values.
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "workers/docuseal/request.h"

static const char request_fields[] =
    "id,status,signature_status,docuseal_submission_id,quote_number,title,project_type,"
    "subtotal,tax_rate,tax_amount,total,currency,valid_until,deposit_percentage,"
    "deposit_amount,requires_company_signature,contact_id.id,contact_id.first_name,"
    "contact_id.last_name,contact_id.email,owner_company_id.code,owner_company_id.name,"
    "owner_company_id.email,owner_company_id.legal_representative";

static const struct docuseal_column columns[] = {
    {"quote_number", "quote_number"},
    {"title", "title"},
    {"project_type", "project_type"},
    {"subtotal", "subtotal"},
    {"tax_rate", "tax_rate"},
    {"tax_amount", "tax_amount"},
    {"total", "total"},
    {"currency", "currency"},
    {"valid_until", "valid_until"},
    {"deposit_percentage", "deposit_percentage"},
    {"deposit_amount", "deposit_amount"},
    {NULL},
};

// The level asked for, if the installation can evidence it.
static bool
read_level(struct job *job, struct json_object *data, struct docuseal_order *order)
{
    const char *text = json_text_or(data, "level", "ses");
    if (!docuseal_level_read(text, &order->level))
        return error_permanent(&job->error,
                               "level must be simple/SES, advanced/AES or "
                               "qualified/QES, not \"%.20s\"",
                               text);
    if (order->level <= order->ds->capability)
        return true;
    error_permanent(&job->error,
                    "signature_level_unsupported: level %s is above what this DocuSeal "
                    "can do (%s)",
                    docuseal_level_name(order->level),
                    docuseal_level_name(order->ds->capability));
    job->error.hint =
        "ask for a lower level, or set DOCUSEAL_CAPABILITY and a template "
        "with an identity check";
    return false;
}

static bool
read_expiry(struct job *job, struct docuseal_order *order)
{
    const char *valid_until = json_string_or(order->row, "valid_until", NULL);
    int64_t end_ms;
    if (valid_until == NULL)
        return true;
    if (!clock_day_end(valid_until, &end_ms))
        return error_permanent(&job->error, "valid_until must be a date, not \"%.30s\"",
                               valid_until);
    if (end_ms <= clock_wall_ms()) {
        error_permanent(&job->error, "the quote was valid until %.10s only",
                        valid_until);
        job->error.hint = "prolong valid_until, then replay";
        return false;
    }
    char *text = job_alloc(job, CLOCK_TEXT);
    clock_format(end_ms, text);
    order->expire_at = text;
    return true;
}

// Without the blanks that a pasted address brings along.
static const char *
trimmed(struct job *job, const char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    return job_memdup(job, text, length);
}

static bool
add_signer(struct job *job, struct docuseal_order *order,
           const struct docuseal_signer *signer, const char *hint)
{
    if (strchr(signer->email, '@') == NULL) {
        error_permanent(&job->error, "no e-mail address for the %s's signature",
                        signer->part);
        job->error.hint = hint;
        return false;
    }
    order->signers[order->signer_count++] = *signer;
    return true;
}

static const char *
full_name(struct job *job, struct json_object *row)
{
    const char *first = json_string_or(row, "contact_id.first_name", "");
    const char *last = json_string_or(row, "contact_id.last_name", "");
    const char *gap = first[0] != '\0' && last[0] != '\0' ? " " : "";
    return job_printf(job, "%s%s%s", first, gap, last);
}

static bool
add_client(struct job *job, struct docuseal_order *order)
{
    const struct docuseal_signer client = {
        .role = order->ds->role_client,
        .part = "client",
        .email = trimmed(job, json_string_or(order->row, "contact_id.email", "")),
        .name = full_name(job, order->row),
    };
    return add_signer(job, order, &client,
                      "give the contact an e-mail address, then replay");
}

static bool
add_company(struct job *job, struct json_object *data, struct docuseal_order *order)
{
    bool wanted = json_bool_or(order->row, "requires_company_signature", false);
    if (!json_bool_or(data, "require_company_signature", wanted))
        return true;
    const struct docuseal_signer company = {
        .role = order->ds->role_company,
        .part = "company",
        .email = trimmed(job, json_string_or(order->row, "owner_company_id.email", "")),
        .name = json_string_or(order->row, "owner_company_id.legal_representative",
                               json_string_or(order->row, "owner_company_id.name", "")),
    };
    return add_signer(job, order, &company,
                      "give owner_companies an e-mail address, then replay");
}

// What comes back with everything DocuSeal says of a signer.
static struct json_object *
metadata(struct job *job, const struct docuseal_order *order, const char *id_member)
{
    struct json_object *all = json_object_in(job);
    json_set_string(all, "company", order->round->company);
    json_set_string(all, id_member, order->root->id);
    json_set_string(all, "signature_level", docuseal_level_name(order->level));
    return all;
}

// Who it is about: kept in the round, so that nothing later has to read it again.
static void
keep_people(struct docuseal_order *order, struct json_object *data)
{
    const char *company = json_string_or(data, "company", "");
    order->round->company =
        json_string_or(order->row, "owner_company_id.code", company);
    order->round->contact = json_string_or(order->row, "contact_id.id", NULL);
}

static bool
choose_template(struct job *job, struct json_object *data, const char *base,
                struct docuseal_order *order)
{
    order->template = json_text_or(data, "template", NULL);
    if (order->template == NULL || order->template[0] == '\0')
        order->template =
            docuseal_template_setting(job, base, order->round->company, order->level);
    return order->template != NULL;
}

bool
docuseal_quote_order(struct job *job, struct json_object *data,
                     struct docuseal_order *order, const char **skip)
{
    if (!read_level(job, data, order))
        return false;
    order->row = docuseal_paper_read(job, order->ds, order->root, request_fields);
    if (order->row == NULL)
        return false;
    const char *status = json_string_or(order->row, "status", "");
    if (strcmp(status, "sent") != 0 && strcmp(status, "viewed") != 0) {
        *skip = job_printf(job, "skipped: the quote is %.20s, not sent or viewed",
                           status[0] != '\0' ? status : "without status");
        return true;
    }
    keep_people(order, data);
    order->columns = columns;
    order->metadata = metadata(job, order, "quote_id");
    json_set_string(order->metadata, "quote_number",
                    json_string_or(order->row, "quote_number", ""));
    return add_client(job, order) && add_company(job, data, order)
           && read_expiry(job, order)
           && choose_template(job, data, "DOCUSEAL_TEMPLATE_QUOTE", order);
}

static const char cgv_request_fields[] =
    "id,status,docuseal_submission_id,contact_id.id,contact_id.first_name,"
    "contact_id.last_name,contact_id.email,owner_company_id.code,cgv_hash,"
    "cgv_content_snapshot,cgv_version_id.version,cgv_version_id.title,"
    "cgv_version_id.effective_date,cgv_version_id.content_hash";

static const struct docuseal_column cgv_columns[] = {
    {"version", "cgv_version_id.version"},
    {"title", "cgv_version_id.title"},
    {"effective_date", "cgv_version_id.effective_date"},
    {NULL},
};

// What is to be accepted, as it is now: the version may be edited before somebody
// signs. It travels with the submission, and is what the acceptance will say. NULL:
// nobody knows it.
static const char *
content_hash(struct job *job, struct json_object *row)
{
    static const char *const known[] = {"cgv_hash", "cgv_version_id.content_hash"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const char *hash = json_string_or(row, known[i], "");
        if (hash[0] != '\0')
            return hash;
    }
    const char *snapshot = json_string_or(row, "cgv_content_snapshot", "");
    if (snapshot[0] == '\0')
        return NULL;
    char *hash = job_alloc(job, HMAC_HEX);
    hmac_digest(snapshot, strlen(snapshot), hash);
    return hash;
}

// Somebody has put a declined or expired acceptance back and taken its submission out:
// it is asked for anew.
static void
begin_anew(struct job *job, struct docuseal_order *order)
{
    const struct docuseal_round *round = order->round;
    const char *recorded = json_text_or(order->row, "docuseal_submission_id", "");
    if (recorded[0] == '\0' && round->submission != NULL
        && !docuseal_is_live(round->status))
        docuseal_round_grow(job, order->round);
}

bool
docuseal_cgv_order(struct job *job, struct json_object *data,
                   struct docuseal_order *order, const char **skip)
{
    order->row = docuseal_paper_read(job, order->ds, order->root, cgv_request_fields);
    if (order->row == NULL)
        return false;
    const char *status = json_string_or(order->row, "status", "");
    if (strcmp(status, "pending_signature") != 0) {
        *skip = job_printf(job,
                           "skipped: the acceptance is %.20s, not "
                           "pending_signature",
                           status[0] != '\0' ? status : "without status");
        return true;
    }
    begin_anew(job, order);
    keep_people(order, data);
    order->columns = cgv_columns;
    order->needs_checkbox = true;
    order->metadata = metadata(job, order, "acceptance_id");
    const char *hash = content_hash(job, order->row);
    if (hash != NULL)
        json_set_string(order->metadata, "content_hash", hash);
    return add_client(job, order)
           && choose_template(job, data, "DOCUSEAL_TEMPLATE_CGV", order);
}
