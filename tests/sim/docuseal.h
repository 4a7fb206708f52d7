// What the files of the DocuSeal simulator share.
//
// Rows (all times are milliseconds, 0 or absent: never):
//   submissions  id account slug name template_id order expire_at created_at updated_at
//                archived_at variables submitters[ids] events[] expired
//   submitters   id submission_id uuid role slug email name phone external_id metadata
//                values[{field,value}] preferences order send_email sent_at opened_at
//                started_at completed_at declined_at decline_reason ip ua created_at
//                updated_at
//   mails        id submission_id submitter_id email kind at
//   jobs         id kind submission_id submitter_id due_ms expire_at
#ifndef SIM_DOCUSEAL_H
#define SIM_DOCUSEAL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"

enum {
    ACCOUNT_MAIN = 1,
    ACCOUNT_OTHER = 2,   // another customer
    ACCOUNT_TESTING = 3, // the testing side of the main account
};

enum { URL_BYTES = 1280 };

// docuseal.c: which account the caller's token belongs to, 0 if to none.
int account_of(struct call *call);

// docuseal_answer.c: the errors of the API.
void docuseal_error(struct call *call, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void docuseal_not_found(struct call *call);
void docuseal_refuse(struct call *call, int status);
// Checks that the record's account may be seen by the caller; answers 403 if not.
bool docuseal_allowed(struct call *call, int64_t account, const char *noun, int64_t id);
// The submission or submitter that call->ids[0] names; answers 404 or 403 and returns
// NULL if there is none for the caller.
struct json_object *docuseal_submission(struct call *call);
struct json_object *docuseal_submitter(struct call *call);

// docuseal_row.c: rows of the store.
struct json_object *submission_row(struct sim *sim, int64_t id);
struct json_object *submitter_row(struct sim *sim, int64_t id);
struct json_object *submission_of(struct sim *sim, struct json_object *submitter);
// The i-th submitter of a submission, NULL past the end.
struct json_object *submission_signer(struct sim *sim, struct json_object *submission,
                                      size_t i);
void submission_touch(struct sim *sim, struct json_object *submission, int64_t at_ms);
void submitter_touch(struct sim *sim, struct json_object *submitter, int64_t at_ms);
// "completed", "declined", "expired" or "pending".
const char *submission_status(struct sim *sim, struct json_object *submission);
// "declined", "completed", "opened", "sent" or "awaiting".
const char *submitter_status(struct json_object *submitter);
// When the last signer signed, 0 if not all have.
int64_t submission_completed_at(struct sim *sim, struct json_object *submission);
// The submitter who signed last, or NULL.
struct json_object *submission_last_signer(struct sim *sim,
                                           struct json_object *submission);
bool submission_is_expired(struct json_object *submission);
void submission_event(struct sim *sim, struct json_object *submission,
                      int64_t submitter_id, const char *event_type,
                      struct json_object *data);

// docuseal_template.c: rows "templates" come from SIM_TEMPLATES and POST
// /_sim/template:
//   id name external_id folder archived account roles[] documents[]
//   fields[{name role type required}]
bool template_start(struct sim *sim);
struct json_object *template_get(struct sim *sim, int64_t id);
// POST /_sim/template: adds a template, or changes the members that are given.
void template_put(struct call *call);
// The index of the role, case ignored, or -1.
int template_role(struct json_object *template, const char *role);
const char *template_role_name(struct json_object *template, int index);
int template_role_count(struct json_object *template);
// The field of that name for that role, or NULL.
struct json_object *template_field(struct json_object *template, const char *role,
                                   const char *name);
void template_role_uuid(struct json_object *template, int index, char out[37]);
// The names of the documents, a JSON array of text.
struct json_object *template_documents(struct json_object *template);
void template_index(struct call *call);
void template_show(struct call *call);

// docuseal_view.c: rows as the API shows them; the caller owns the result.
enum submitter_shape {
    SUBMITTER_CREATED, // reply of create and init
    SUBMITTER_UPDATED, // reply of PUT
    SUBMITTER_LISTED,  // row of GET /submitters, and GET /submitters/{id}
    SUBMITTER_NESTED,  // inside a submission
    SUBMITTER_IN_LIST, // inside a row of GET /submissions
};
struct json_object *view_submitter(struct sim *sim, struct json_object *submitter,
                                   enum submitter_shape shape);
struct json_object *view_submission(struct sim *sim, struct json_object *submission);
struct json_object *view_submission_row(struct sim *sim,
                                        struct json_object *submission);
// Adds combined_document_url, for a client that asks for it.
void view_add_combined(struct sim *sim, struct json_object *view,
                       struct json_object *submission);
// `data` of the form.* webhooks.
struct json_object *view_form(struct sim *sim, struct json_object *submitter);
struct json_object *view_template(struct json_object *template, bool full);

// docuseal_create.c, docuseal_validate.c
void submission_create(struct call *call);
void submission_init(struct call *call);
void submission_emails(struct call *call);
void submission_pro_only(struct call *call);
// Checks one wish for a submission the way the API does; if it is wrong, answers and
// returns false.
bool validate_submission(struct call *call, struct json_object *wish);
// Checks a wish against the template: roles, number of signers, fields.
bool validate_signers(struct call *call, struct json_object *template,
                      struct json_object *wish);
// The index of the role that submitter i of a valid wish plays.
int validate_role(struct json_object *template, struct json_object *submitter,
                  size_t i);
// Puts the address in lower case and mends the domains people mistype.
void validate_mend_email(char *email);
// "email is invalid" and the like for one submitter; path names it in the text.
bool validate_submitter(struct call *call, struct json_object *submitter,
                        const char *path);
// The body of an invitation, if a message is given.
bool validate_message(struct call *call, struct json_object *message);

// docuseal_values.c: prefilled values of one submitter.
// Answers 422 and returns false if a field is not on the template.
bool values_check(struct call *call, struct json_object *template, const char *role,
                  struct json_object *wish);
// The values array for a new or changed submitter, in the order of the template.
struct json_object *values_merge(struct json_object *template, const char *role,
                                 struct json_object *old, struct json_object *wish);

// docuseal_list.c, docuseal_change.c, docuseal_sweep.c, docuseal_file.c
void submission_index(struct call *call);
void submitter_index(struct call *call);
void submission_show(struct call *call);
void submission_update(struct call *call);
void submission_archive(struct call *call);
void submission_documents(struct call *call);
void submitter_show(struct call *call);
void submitter_update(struct call *call);
void sweep_submissions(struct call *call);
void sweep_forms(struct call *call);
void file_show(struct call *call);

// Reads limit from the query: 10 unless told, at most 100.
int64_t page_limit(struct call *call);
// Reads an id or second from the query; false if it is absent.
bool page_bound(struct call *call, const char *key, int64_t *bound);

// {"data":[...],"pagination":{count,next,prev}}; next and prev are the member `key` of
// the last and first element. data is given away.
struct json_object *page_reply(struct json_object *data, const char *key);

// docuseal_file.c: a signed link that expires, and what is behind it. Ids of files are
// "doc-<submitter>-<n>", "preview-<submission>-<n>", "merged-<submission>",
// "combined-<submission>", "audit-<submission>" and "sig-<submitter>".
void file_url(struct sim *sim, const char *id, const char *name, char out[URL_BYTES]);
// [{name, url}] of a submitter who signed; of a submission that nobody signed (a
// preview).
struct json_object *file_list(struct sim *sim, struct json_object *submitter);
struct json_object *file_preview(struct sim *sim, struct json_object *submission);

// docuseal_crypto.c
void crypto_hex_hmac(const char *key, const char *text, size_t bytes, char out[65]);
// The X-Docuseal-Signature of a body sent at that second.
void crypto_signature(const char *secret, int64_t at_s, const char *body, char *out,
                      size_t room);
// A slug of 14 characters and a uuid that depend on nothing but the text.
void crypto_slug(const char *text, char out[15]);
void crypto_uuid(const char *text, char out[37]);

// docuseal_act.c: what happens to a submission, with all its consequences.
void act_created(struct call *call, struct json_object *submission);
void act_view(struct sim *sim, struct json_object *submitter);
void act_start(struct sim *sim, struct json_object *submitter);
void act_complete(struct sim *sim, struct json_object *submitter, bool by_api);
void act_decline(struct sim *sim, struct json_object *submitter, const char *reason);
void act_archive(struct sim *sim, struct json_object *submission);
// Fires submission.expired if DocuSeal would; false if it would not.
bool act_expire(struct sim *sim, struct json_object *submission);
// Makes the expiry job for the present expire_at.
void act_schedule_expiry(struct sim *sim, struct json_object *submission);
// Sends, or lets the mail job send, the invitation.
void act_invite(struct sim *sim, struct json_object *submitter, bool mail_lost);
// Says whether this signer may sign now, or another comes first.
bool act_is_turn(struct sim *sim, struct json_object *submitter);
int64_t act_on_time(struct sim *sim, int64_t now_ms);

// docuseal_person.c: what people do, as controls under /_sim.
extern const struct sim_route person_routes[];
void person_page(struct call *call);

// docuseal_hook.c
// Queues the webhook if the event is selected.
void hook_fire(struct sim *sim, const char *event_type, struct json_object *submission,
               struct json_object *submitter);
bool hook_build(struct sim *sim, struct json_object *hook,
                struct hook_message *message);
int64_t hook_retry_min(struct json_object *hook, int64_t failed);

#endif
