#include "workers/docuseal/evidence.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/docuseal/submission.h"

enum {
    DOCUMENTS_MAX = 50,
    TITLE_BYTES = 200, // Directus keeps titles and names of files in 255 characters
};

// One file of a submission.
struct piece {
    const char *key; // tells it from the submission's other files: "document:0"
    const char *title, *url;
    const char *file, *sha256; // out
};

static bool
store_piece(struct job *job, const struct docuseal *ds, const char *submission,
            struct piece *piece)
{
    struct http_response bytes;
    if (!docuseal_file_read(job, ds, piece->url, &bytes))
        return false;
    char *file = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){"docuseal.file", submission, piece->key, NULL}, file);
    piece->file = file;
    piece->sha256 = digest_sha256(job, bytes.body, bytes.length);
    const struct directus_file upload = {
        .id = file,
        .title = piece->title,
        .filename = str_ends(piece->title, ".pdf")
                        ? piece->title
                        : job_printf(job, "%s.pdf", piece->title),
        .type = "application/pdf",
        .data = bytes.body,
        .length = bytes.length,
    };
    return directus_upload(&ds->directus, job, &upload);
}

// The documents of the last signer, which carry every signature.
static struct json_object *
documents_of(struct json_object *submission)
{
    struct json_object *own = json_array_or_null(submission, "documents");
    if (own != NULL && json_object_array_length(own) > 0)
        return own;
    struct json_object *list = json_array_or_null(submission, "submitters");
    struct json_object *last = NULL;
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *submitter = json_object_array_get_idx(list, i);
        const char *at = json_string_or(submitter, "completed_at", "");
        if (strcmp(at, json_string_or(last, "completed_at", "")) >= 0)
            last = submitter;
    }
    return json_array_or_null(last, "documents");
}

static const char *
cut(struct job *job, const char *title)
{
    return job_memdup(job, title, str_fit(title, strlen(title), TITLE_BYTES));
}

static bool
store_documents(struct job *job, const struct docuseal *ds,
                struct json_object *submission, struct docuseal_evidence *evidence)
{
    struct json_object *list = documents_of(submission);
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    const char *id = json_text_or(submission, "id", "");
    if (count == 0) {
        error_retryable(&job->error,
                        "DocuSeal has no signed document of submission %s "
                        "yet",
                        id);
        job->error.service = ds->service.name;
        return false;
    }
    evidence->documents = json_array_in(job);
    for (size_t i = 0; i < count && i < DOCUMENTS_MAX; i++) {
        struct json_object *document = json_object_array_get_idx(list, i);
        struct piece piece = {
            .key = job_printf(job, "document:%zu", i),
            .title = cut(job, json_string_or(document, "name", "document")),
            .url = json_string_or(document, "url", ""),
        };
        if (!store_piece(job, ds, id, &piece))
            return false;
        struct json_object *stored = json_object_in(job);
        json_set_string(stored, "name", piece.title);
        json_set_string(stored, "file", piece.file);
        json_set_string(stored, "sha256", piece.sha256);
        json_add(evidence->documents, stored);
        if (i == 0) {
            evidence->document = piece.file;
            evidence->document_hash = piece.sha256;
        }
    }
    return true;
}

// The audit log is made after the completion; some servers never make one.
static bool
wait_for_audit(struct job *job, const struct docuseal *ds,
               const struct docuseal_root *root, struct json_object *submission)
{
    const char *id = json_text_or(submission, "id", "");
    int64_t completed_ms = 0;
    const char *at = json_string_or(submission, "completed_at", "");
    if (clock_parse(at, &completed_ms)
        && clock_wall_ms() - completed_ms < ds->audit_wait_ms) {
        error_retryable(&job->error, "DocuSeal has no audit log of submission %s yet",
                        id);
        job->error.service = ds->service.name;
        return false;
    }
    settlement_attention(job, "docuseal.no-audit-log", root->key,
                         "submission %s is completed, but DocuSeal gives no audit log",
                         id);
    return true;
}

bool
docuseal_evidence_store(struct job *job, const struct docuseal *ds,
                        const struct docuseal_root *root,
                        struct json_object *submission,
                        struct docuseal_evidence *evidence)
{
    *evidence = (struct docuseal_evidence){.audit_log = NULL};
    struct piece audit = {
        .key = "audit",
        .title = "Audit Log",
        .url = json_string_or(submission, "audit_log_url", NULL),
    };
    if (audit.url == NULL && !wait_for_audit(job, ds, root, submission))
        return false;
    if (!store_documents(job, ds, submission, evidence))
        return false;
    if (audit.url == NULL)
        return true;
    if (!store_piece(job, ds, json_text_or(submission, "id", ""), &audit))
        return false;
    evidence->audit_log = audit.file;
    return true;
}
