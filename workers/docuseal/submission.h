// workers/docuseal/submission.h - DocuSeal's API: submissions, submitters, files.
//
// Facts are from the source of DocuSeal 3.1: POST /submissions answers an array of
// submitters with status 200; external_id is not unique; "archived" is a time, not a
// status; ids are integers, here always text. Links to people's pages and to files are
// secrets: they appear in no error, note or call. All calls suspend the fiber.
#ifndef RELAIS_DOCUSEAL_SUBMISSION_H
#define RELAIS_DOCUSEAL_SUBMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/http.h"
#include "common/job.h"

struct docuseal;
struct json_object;

// DocuSeal's dialect: status and text -> kind and hint.
extern const struct error_rule docuseal_rules[];

// POST /submissions with `once`. Returns the array of submitters, each with
// submission_id and embed_src. UNSURE where the work may have been done.
struct json_object *
docuseal_submission_create(struct job *job, const struct docuseal *ds,
                           struct json_object *body) ATTR_MUST_CHECK;

// GET /submissions/{id}. *submission becomes NULL where there is none (404).
bool docuseal_submission_read(struct job *job, const struct docuseal *ds,
                              const char *id,
                              struct json_object **submission) ATTR_MUST_CHECK;

// DELETE /submissions/{id}, which archives. Repeatable; one that is gone is archived.
bool docuseal_submission_archive(struct job *job, const struct docuseal *ds,
                                 const char *id) ATTR_MUST_CHECK;

// PUT /submissions/{id} {expire_at}: it can be signed until then. Repeatable.
bool docuseal_submission_prolong(struct job *job, const struct docuseal *ds,
                                 const char *id, const char *expire_at) ATTR_MUST_CHECK;

// GET /submitters?external_id=: rows newest first, archived ones too.
struct json_object *docuseal_submitters_find(struct job *job, const struct docuseal *ds,
                                             const char *external_id) ATTR_MUST_CHECK;

// PUT /submitters/{id} {send_email: true} with `once`: the invitation is mailed
// (again). UNSURE where it may have been.
bool docuseal_submitter_invite(struct job *job, const struct docuseal *ds,
                               const char *id) ATTR_MUST_CHECK;

// GET /templates/{id}, or by external_id where `template` is no number. PERMANENT
// where there is none.
struct json_object *docuseal_template_read(struct job *job, const struct docuseal *ds,
                                           const char *template) ATTR_MUST_CHECK;

// One page of submissions in that status (100, highest id first, ids below `below`;
// NULL = from the top): {data, pagination}.
struct json_object *docuseal_submissions_page(struct job *job,
                                              const struct docuseal *ds,
                                              const char *status,
                                              const char *below) ATTR_MUST_CHECK;

// One page of GET /events/<what>/completed, what being "submission" or "form": those
// completed later than since_s and, unless before_s is 0, earlier than before_s
// (seconds); 100, newest first, each as its webhook.
struct json_object *docuseal_completed_page(struct job *job, const struct docuseal *ds,
                                            const char *what, int64_t since_s,
                                            int64_t before_s) ATTR_MUST_CHECK;

// The bytes of a file that a submission links to; a signed PDF, else RETRYABLE. The
// token goes along only to DocuSeal itself, over the API's own scheme.
bool docuseal_file_read(struct job *job, const struct docuseal *ds, const char *url,
                        struct http_response *file) ATTR_MUST_CHECK;

// GET /user: whether the key is good.
bool docuseal_user_read(struct job *job, const struct docuseal *ds) ATTR_MUST_CHECK;

// What became of a submission, the most final first.
enum docuseal_fate {
    DOCUSEAL_IS_COMPLETED,
    DOCUSEAL_IS_ARCHIVED,
    DOCUSEAL_IS_DECLINED,
    DOCUSEAL_IS_EXPIRED,
    DOCUSEAL_IS_OPEN
};
enum docuseal_fate docuseal_submission_fate(struct json_object *submission);

// The submitter that is not the company's own signatory: whose external_id does not end
// in ":company", else the first. NULL without submitters.
struct json_object *docuseal_client_of(struct json_object *submission);

// Where that submitter signs: a secret. NULL where the slug is missing.
const char *docuseal_embed_url(struct job *job, const struct docuseal *ds,
                               struct json_object *submitter);

// The last time anything moved in it, by the provider's clock (ms); 0 if it says none.
int64_t docuseal_submission_moved_ms(struct json_object *submission);

#endif
