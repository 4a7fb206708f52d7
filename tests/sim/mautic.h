// What the files of the Mautic simulator share.
//
// Rows (all times are milliseconds, 0 or absent: never):
//   contacts   id values{alias: value} points owner stage tags[ids] ips[text] dnc[{id
//   at
//              reason comments channel channel_id}] segments{id: {added_ms removed
//              manual}} campaigns{id: {added_ms exited_ms removed manual rotation}}
//              entries[{campaign rotation at_ms by}] points_log[{id delta event action
//              at_ms}] companies[ids] added_ms modified_ms identified_ms created_by
//              created_name modified_by modified_name last_active
//   graves     id winner (0: deleted, not merged) email entries[]
//   fields     id alias label type group unique            (only those of the user)
//   tags       id tag          companies  id name email    notes  id contact type text
//   at_ms added_ms
//   segments   id name alias published private_to filters[]
//   campaigns  id name published allow_restart lists[ids] events[{id name type email
//              email_type trigger interval unit}]
//   emails     id name subject html sent read to_dnc
//   mails      id email contact address sent_ms failed read_ms hash source source_id
//              opens last_ms campaign rotation
//   event_log  id event contact campaign rotation due_ms done_ms email
//   webhooks   id name description url secret triggers[] published desc added_ms
//              modified_ms log[statuses] own (URL, secret and triggers are settings)
//   queue      id webhook type item at_ms retry_ms retries kept_run
//   tokens     id token expires_ms
#ifndef SIM_MAUTIC_H
#define SIM_MAUTIC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"

enum {
    SQL_TIME_BYTES = 20,
    DAY_MS = 86400000,
    CALLER_BASIC = 1,
    CALLER_OAUTH = 2,
};

// Who is said to have made a change; id 0: nobody is named by number.
struct actor {
    int64_t id;
    const char *name; // NULL: nobody at all, as when a contact unsubscribes
};

// mautic.c
// The version that is simulated is at least this one.
bool mautic_since(struct sim *sim, int major, int minor);
struct actor mautic_actor(struct call *call);

// mautic_race.c
// True if the call was put to sleep between its look and its insert; its handler runs
// again later.
bool race_rests(struct call *call);
// True if the call has slept: it inserts, whatever came to be there in between.
bool race_over(struct call *call);

// mautic_auth.c
bool auth_check(struct call *call);
void auth_token(struct call *call);
// Makes call->body what PHP would make of the body: that depends on its Content-Type.
// Answers 400 and returns false if it is no JSON.
bool auth_read_body(struct call *call);

// mautic_answer.c: the errors of the API.
void mautic_error(struct call *call, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// The other dialect: {message, code, type}, without details.
void mautic_type_error(struct call *call, int status, const char *type,
                       const char *message);
// The statistics tell of a failure under status 200.
void mautic_stats_error(struct call *call, int code, const char *message);
void mautic_not_found(struct call *call);
void mautic_no_contact(struct call *call);
void mautic_forbidden(struct call *call);
void mautic_refuse(struct call *call, int status);
void mautic_success(struct call *call);
// One error with details {field: [text]}, as it stands inside "errors".
struct json_object *mautic_field_error(int status, const char *field, const char *text);
// The same for several fields; details is given away.
struct json_object *mautic_details_error(int status, struct json_object *details);
void mautic_add_detail(struct json_object *details, const char *field,
                       const char *text);
struct json_object *mautic_plain_error(int status, const char *message);
void mautic_answer_error(struct call *call, int status, struct json_object *error);
// {root: view}
void mautic_answer(struct call *call, int status, const char *root,
                   struct json_object *view);
// The same for what was made: 201 and Location.
void mautic_created(struct call *call, const char *root, struct json_object *view);

// mautic_text.c: text, times and JSON as PHP and MySQL have them. What returns char *
// is for the caller to free.
char *text_php(struct json_object *obj);
void text_sql_time(int64_t at_ms, char out[SQL_TIME_BYTES]);
void json_add_atom(struct json_object *obj, const char *key, int64_t at_ms);
void json_add_sql(struct json_object *obj, const char *key, int64_t at_ms);
// An object whose keys are 0, 1, ... becomes an array, as PHP has it; obj is given
// away.
struct json_object *json_php_list(struct json_object *obj);
void json_add_digits(struct json_object *obj, const char *key, int64_t number);
// What MySQL's collation thinks equal: case and accents are ignored.
char *text_fold(const char *text);
bool text_equal(const char *a, const char *b);
// SQL's LIKE under that collation: % and _ are wildcards.
bool text_like(const char *text, const char *pattern);
// Without what looks like a tag.
char *text_without_tags(const char *text);
// How many characters, not bytes.
size_t text_characters(const char *text);

// mautic_crypto.c
void crypto_signature(const char *secret, const char *body, char out[45]);
void crypto_hex(const char *text, char *out, size_t room);
// The text behind base64, or NULL; the caller frees.
char *crypto_base64_text(const char *base64);

// mautic_field.c: the fields of contacts.
struct field {
    int64_t id;
    const char *alias;
    const char *label;
    const char *type;
    const char *group;
    const char *properties; // PHP-serialised, NULL: none
    const char *fallback;
    bool fixed;
    bool unique;
    bool own; // made by the user
};
bool field_start(struct sim *sim);
// The i-th field, the user's own last; false past the end.
bool field_at(struct sim *sim, size_t i, struct field *field);
bool field_find(struct sim *sim, const char *alias, struct field *field);
void field_index(struct call *call);
void field_create(struct call *call);
void field_list(struct call *call);

// mautic_value.c: checks and cleans one value. NULL: the value is fine and *clean is
// what to store (the caller owns it). Else the text of the complaint, for the caller to
// free.
char *value_check(const struct field *field, struct json_object *value,
                  struct json_object **clean);
bool value_is_country(const char *name);

// mautic_contact.c: rows.
struct json_object *contact_get(struct sim *sim, int64_t id);
// The contact that :id at index names. Answers 404 and returns NULL if it is gone.
struct json_object *contact_named(struct call *call, int index);
const char *contact_text(struct json_object *contact, const char *alias);
int64_t contact_points(struct json_object *contact);
struct json_object *contact_create(struct sim *sim, struct actor actor);
void contact_touch(struct sim *sim, struct json_object *contact);
// Changes the points and remembers why.
void contact_add_points(struct sim *sim, struct json_object *contact, int64_t delta,
                        const char *event, const char *action);
// Marks it as changed by actor and tells the webhooks: before is how it was, NULL if it
// is new.
void contact_saved(struct sim *sim, struct json_object *contact,
                   struct json_object *before, struct actor actor);
// The contact that the body of contacts/new means, or NULL: the newest that shares a
// unique field.
struct json_object *contact_match(struct sim *sim, struct json_object *wish);
// Another contact with the same value in a unique field of the wish; names the field.
bool contact_clash(struct sim *sim, struct json_object *contact,
                   struct json_object *wish, char field[64]);
void contact_delete(struct sim *sim, struct json_object *contact, int64_t winner);
void contact_merge(struct sim *sim, struct json_object *loser,
                   struct json_object *winner, struct actor actor);

// mautic_apply.c: puts the body of a contact into its row.
enum apply_mode {
    APPLY_PATCH, // POST and PATCH: what is not sent stays
    APPLY_PUT,   // what is not sent is blanked
};
// Checks all; NULL if the wish is good, else the error as it stands inside "errors".
struct json_object *apply_check(struct sim *sim, struct json_object *wish);
void apply_wish(struct sim *sim, struct json_object *contact, struct json_object *wish,
                enum apply_mode mode);

// mautic_edit.c: routes that write contacts.
void contact_post(struct call *call);
void contact_patch(struct call *call);
void contact_put(struct call *call);
void contact_remove(struct call *call);
void batch_post(struct call *call);
void batch_patch(struct call *call);
void batch_remove(struct call *call);

// mautic_view.c: a contact as the API shows it; the caller owns the result.
enum {
    VIEW_FRESH = 1, // right after creation: other shapes of ids and fields
    VIEW_ALL = 2,   // fields.all, which only REST answers have
};
struct json_object *contact_view(struct sim *sim, struct json_object *contact,
                                 unsigned flags);
// {id, points, color, fields}, as it stands in notes and statistics.
struct json_object *contact_view_lead(struct sim *sim, struct json_object *contact,
                                      unsigned flags);
// The same contact as some webhooks have it: flat besides.
struct json_object *contact_view_flat(struct sim *sim, struct json_object *contact);
// The value of the field as an answer has it.
struct json_object *contact_view_value(struct json_object *contact,
                                       const struct field *field);

// mautic_where.c: lists.
typedef const char *where_column(void *row, const char *name, char *room, size_t bytes);
enum where_result {
    WHERE_NO,
    WHERE_YES,
    WHERE_BAD, // expr is missing or unknown
};
// Judges a row by where[0][col], [expr], [val] of the query.
enum where_result where_match(struct call *call, where_column *column, void *row);
// start and limit of the query.
struct page {
    int64_t start;
    int64_t limit;
};
struct page page_of(struct call *call, int64_t limit);
// {total, root: {id: view}}; rows are views with an id, given away as an array. total
// is text if asked; an empty map is {} or, as PHP prefers, [].
void mautic_answer_list(struct call *call, const char *root, struct json_object *rows,
                        bool text_total);

// mautic_search.c
void contact_index(struct call *call);
void contact_show(struct call *call);

// mautic_tag.c: tags and companies.
int64_t tag_id(struct sim *sim, const char *name);
void tag_index(struct call *call);
void tag_create(struct call *call);
struct json_object *tag_view(struct sim *sim, int64_t id);
int64_t company_id(struct sim *sim, const char *name);
void company_link(struct sim *sim, struct json_object *contact, int64_t company);
void company_index(struct call *call);
void company_show(struct call *call);
void company_create(struct call *call);
void company_add(struct call *call);
void company_leave(struct call *call);
void contact_companies(struct call *call);

// mautic_setup.c: segments, campaigns and e-mails come from settings.
bool setup_start(struct sim *sim);

// mautic_segment.c
void segment_index(struct call *call);
void segment_show(struct call *call);
void segment_patch(struct call *call);
void segment_add(struct call *call);
void segment_remove(struct call *call);
void segment_add_many(struct call *call);
void contact_segments(struct call *call);
struct json_object *segment_view(struct sim *sim, struct json_object *segment);
// The membership, NULL if there is none or it was removed.
struct json_object *segment_member(struct json_object *contact, int64_t segment);

// mautic_campaign.c
void campaign_index(struct call *call);
void campaign_show(struct call *call);
void campaign_add(struct call *call);
void campaign_remove(struct call *call);
void campaign_contacts(struct call *call);
void campaign_events(struct call *call);
void contact_campaigns(struct call *call);
// The row of the membership, removed or not; NULL: never was a member.
struct json_object *campaign_member(struct json_object *contact, int64_t campaign);

// mautic_enter.c: entering and leaving campaigns, and what the cron does with it.
void enter_campaign(struct sim *sim, struct json_object *contact,
                    struct json_object *campaign, bool manual);
void leave_campaign(struct sim *sim, struct json_object *contact,
                    struct json_object *campaign, bool manual);
void cron_run(struct sim *sim);
int64_t cron_on_time(struct sim *sim, int64_t now_ms);

// mautic_mail.c
void email_index(struct call *call);
void email_show(struct call *call);
void email_send(struct call *call);
// Sends the e-mail of that id; NULL if it went out, else why not.
const char *mail_send(struct sim *sim, struct json_object *contact, int64_t id,
                      const char *source, int64_t source_id);
void mail_open(struct sim *sim, struct json_object *mail);

// mautic_note.c
void note_create(struct call *call);
void note_index(struct call *call);
void note_show(struct call *call);
void note_patch(struct call *call);
void note_remove(struct call *call);
void contact_notes(struct call *call);

// mautic_person.c: do-not-contact, points, devices, activity.
void dnc_add(struct call *call);
void dnc_remove(struct call *call);
// True if there was none for the channel with this reason.
bool dnc_put(struct sim *sim, struct json_object *contact, const char *channel,
             int64_t reason, const char *comments, int64_t channel_id);
bool dnc_take(struct sim *sim, struct json_object *contact, const char *channel);
bool dnc_has(struct json_object *contact, const char *channel);
void points_plus(struct call *call);
void points_minus(struct call *call);
void contact_activity(struct call *call);
void all_activity(struct call *call);
void contact_devices(struct call *call);
void contact_owners(struct call *call);
void contact_utm(struct call *call);

// mautic_stats.c, mautic_data.c
void stats_tables(struct call *call);
void stats_show(struct call *call);
// Rows of campaign_leads as the table has them, as an array; for campaign 0: of all.
struct json_object *stats_campaign_leads(struct sim *sim, int64_t campaign);
void data_types(struct call *call);
void data_show(struct call *call);

// mautic_webhook.c: the routes; mautic_event.c: what is sent.
bool webhook_start(struct sim *sim);
void webhook_index(struct call *call);
void webhook_show(struct call *call);
void webhook_create(struct call *call);
void webhook_patch(struct call *call);
void webhook_put(struct call *call);
void webhook_remove(struct call *call);
void webhook_triggers(struct call *call);
// The URL, secret and triggers that are in force.
const char *webhook_url(struct sim *sim, struct json_object *webhook);
const char *webhook_secret(struct sim *sim, struct json_object *webhook);
bool webhook_wants(struct sim *sim, struct json_object *webhook, const char *type);
// An item of this type happened to the contact; the item is given away.
void event_fire(struct sim *sim, const char *type, int64_t contact,
                struct json_object *item);
void event_test(struct sim *sim, const char *type);
// Sends what was queued, as the command mautic:webhooks:process does.
void event_process(struct sim *sim);
bool event_build(struct sim *sim, struct json_object *hook,
                 struct hook_message *message);
int64_t event_retry_min(struct json_object *hook, int64_t failed);
void event_result(struct sim *sim, struct json_object *hook, int status);

// mautic_control.c: what people do, as controls under /_sim; mautic_state.c.
extern const struct sim_route person_routes[];
struct json_object *state_all(struct sim *sim);

#endif
