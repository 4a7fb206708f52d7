#include "workers/docuseal/paper.h"

#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/docuseal/docuseal.h"

enum { UUID_CHARS = UUID_TEXT - 1 };

const struct docuseal_paper docuseal_quote = {
    .prefix = "quote",
    .member = "quote",
    .collection = "quotes",
    .status_field = "signature_status",
    .pending = "pending",
    .has_request_fields = true,
    .audit_field = "audit_log_file",
    .reason_field = "decline_reason",
    .fields = "id,status,signature_status,signature_level,docuseal_submission_id,"
              "valid_until,contact_id,owner_company_id.code",
    .words =
        {
            [DOCUSEAL_VIEWED] = {"viewed", "quote.viewed"},
            [DOCUSEAL_PARTLY] = {"partially_signed"},
            [DOCUSEAL_COMPLETED] = {"completed", "quote.signed", true, true},
            [DOCUSEAL_DECLINED] = {"declined", "quote.rejected", true},
            [DOCUSEAL_EXPIRED] = {"expired", "quote.expired", true},
            [DOCUSEAL_CANCELLED] = {"cancelled", "signature.cancelled",
                                    .with_submission = true},
            [DOCUSEAL_FAILED] = {"failed", "signature.failed"},
        },
};

const struct docuseal_paper docuseal_cgv = {
    .prefix = "cgv",
    .member = "acceptance",
    .collection = "cgv_acceptances",
    .status_field = "status",
    .revoked = "revoked",
    .accepted_at_field = "accepted_at",
    .hash_field = "cgv_hash",
    .fields = "id,status,docuseal_submission_id,contact_id,owner_company_id.code,"
              "cgv_version_id.content_hash",
    .words =
        {
            [DOCUSEAL_COMPLETED] = {"accepted", "cgv.accepted",
                                    .with_submission = true},
            [DOCUSEAL_DECLINED] = {"declined", "cgv.declined", .with_submission = true},
            [DOCUSEAL_EXPIRED] = {"expired", "cgv.expired", .with_submission = true},
            [DOCUSEAL_CANCELLED] = {NULL, "signature.cancelled",
                                    .with_submission = true},
            [DOCUSEAL_FAILED] = {NULL, "signature.failed"},
        },
};

static const struct docuseal_paper *const papers[] = {&docuseal_quote, &docuseal_cgv};

const char *
docuseal_step_name(enum docuseal_step step)
{
    return docuseal_quote.words[step].status;
}

bool
docuseal_is_live(const char *status)
{
    return status != NULL
           && (strcmp(status, "pending") == 0 || strcmp(status, "viewed") == 0
               || strcmp(status, "partially_signed") == 0);
}

static void
set_root(struct job *job, struct docuseal_root *root,
         const struct docuseal_paper *paper, const char *uuid)
{
    char *id = job_memdup(job, uuid, UUID_CHARS);
    for (char *c = id; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    *root = (struct docuseal_root){
        .paper = paper,
        .id = id,
        .key = job_printf(job, "%s:%s", paper->prefix, id),
    };
}

// ":r<round>" and what follows it; 0 if it is something else.
static int64_t
read_round(struct job *job, const char *rest)
{
    if (!str_starts(rest, ":r"))
        return 0;
    long long number = 0;
    size_t digits = strspn(rest + 2, "0123456789");
    if (!str_to_i64(job_memdup(job, rest + 2, digits), &number) || number < 1)
        return 0;
    return number;
}

bool
docuseal_root_read(struct job *job, const char *text, struct docuseal_root *root,
                   int64_t *round)
{
    for (size_t i = 0; i < sizeof papers / sizeof papers[0]; i++) {
        size_t prefix = strlen(papers[i]->prefix);
        if (!str_starts(text, papers[i]->prefix) || text[prefix] != ':')
            continue;
        const char *uuid = text + prefix + 1;
        if (strlen(uuid) < UUID_CHARS || !uuid_is(job_memdup(job, uuid, UUID_CHARS)))
            continue;
        const char *rest = uuid + UUID_CHARS;
        if (*rest != '\0' && *rest != ':')
            continue;
        set_root(job, root, papers[i], uuid);
        *round = read_round(job, rest);
        return true;
    }
    return false;
}

bool
docuseal_root_of_payload(struct job *job, struct json_object *data,
                         struct docuseal_root *root)
{
    for (size_t i = 0; i < sizeof papers / sizeof papers[0]; i++) {
        const char *id = json_string_or(data, papers[i]->member, NULL);
        if (id == NULL)
            continue;
        if (!uuid_is(id))
            return error_permanent(&job->error, "%s must be a uuid, not \"%.40s\"",
                                   papers[i]->member, id);
        set_root(job, root, papers[i], id);
        return true;
    }
    return error_permanent(&job->error,
                           "the payload names neither quote nor acceptance (a uuid)");
}

struct json_object *
docuseal_paper_read(struct job *job, const struct docuseal *ds,
                    const struct docuseal_root *root, const char *fields)
{
    return directus_read(&ds->directus, job, root->paper->collection, root->id, fields);
}

static size_t
length_of(struct json_object *array)
{
    return array != NULL ? json_object_array_length(array) : 0;
}

// {create, update, delete}: Directus's form for nested rows.
static bool
write_nested(struct job *job, const struct docuseal *ds,
             const struct docuseal_root *root, const struct docuseal_write *write)
{
    if (length_of(write->fresh) + length_of(write->known) > 0) {
        struct json_object *logs = json_object_in(job);
        struct json_object *none = json_array_in(job);
        json_set(logs, "create", write->fresh != NULL ? write->fresh : none);
        json_set(logs, "update", write->known != NULL ? write->known : none);
        json_set(logs, "delete", none);
        json_set(write->patch, "signature_logs", logs);
    }
    if (json_object_object_length(write->patch) == 0)
        return true;
    return directus_update(&ds->directus, job, root->paper->collection, root->id,
                           write->patch);
}

static bool
is_listed(struct json_object *rows, const char *id)
{
    for (size_t i = 0; i < length_of(rows); i++)
        if (strcmp(json_string_or(json_object_array_get_idx(rows, i), "id", ""), id)
            == 0)
            return true;
    return false;
}

// Asks which of the fresh rows exist, and moves those to the known ones.
static bool
sort_rows(struct job *job, const struct docuseal *ds, struct docuseal_write *write)
{
    struct json_object *wanted = json_array_in(job);
    for (size_t i = 0; i < length_of(write->fresh); i++)
        json_add_string(
            wanted,
            json_string_or(json_object_array_get_idx(write->fresh, i), "id", ""));
    struct json_object *in = json_object_in(job);
    struct json_object *id = json_object_in(job);
    json_set(id, "_in", wanted);
    json_set(in, "id", id);
    const struct http_header query[] = {
        {"filter", json_print(in, NULL)}, {"fields", "id"}, {"limit", "-1"}, {NULL}};
    struct json_object *rows =
        directus_list(&ds->directus, job, "signature_logs", query);
    if (rows == NULL)
        return false;
    struct json_object *fresh = json_array_in(job);
    struct json_object *known =
        write->known != NULL ? write->known : json_array_in(job);
    for (size_t i = 0; i < length_of(write->fresh); i++) {
        struct json_object *row = json_object_array_get_idx(write->fresh, i);
        json_add(is_listed(rows, json_string_or(row, "id", "")) ? known : fresh, row);
    }
    write->fresh = fresh;
    write->known = known;
    return true;
}

bool
docuseal_paper_write(struct job *job, const struct docuseal *ds,
                     const struct docuseal_root *root,
                     const struct docuseal_write *write)
{
    if (write_nested(job, ds, root, write))
        return true;
    const char *rule = job->error.rule;
    if (length_of(write->fresh) == 0 || rule == NULL
        || strcmp(rule, "RECORD_NOT_UNIQUE") != 0)
        return false;
    error_clear(&job->error);
    struct docuseal_write sorted = *write;
    return sort_rows(job, ds, &sorted) && write_nested(job, ds, root, &sorted);
}

struct json_object *
docuseal_fact(struct job *job, const struct docuseal_root *root, const char *company)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", company != NULL ? company : "");
    json_set_string(data, root->paper->member, root->id);
    return data;
}
