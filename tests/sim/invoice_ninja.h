// What the files of the Invoice Ninja simulator share.
//
// Rows lie in collections of their own for each company ("invoices/3": those of company
// 3), so ids, and with them hashids, are the same in each. A row is
//   {id, company, kind, view}          view: the object as the API shows it
// and beside it what the API does not show: of payments idempotency_key and
// deleted_with, of invoices gap. All money in a view is a number as PHP prints it; the
// code reckons in centimes. Other collections:
//   companies  id code name token locked unpaid powerless lock_invoices
//   guards     until_ms           the 1-second guards, under a hash of their text
//   mails      id company kind invoice number to[] cc[] template at
#ifndef SIM_INVOICE_NINJA_H
#define SIM_INVOICE_NINJA_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"

enum entity {
    ENTITY_CLIENT,
    ENTITY_INVOICE,
    ENTITY_PAYMENT,
    ENTITY_WEBHOOK,
};

enum part {
    PART_CONTACT,
    PART_LINE,
    PART_INVITATION,
    PART_PAYMENTABLE,
};

enum { HASHID_BYTES = 11, KEY_BYTES = 33, DATE_BYTES = 11 };

enum event_id {
    EVENT_CREATE_CLIENT = 1,
    EVENT_CREATE_INVOICE = 2,
    EVENT_CREATE_PAYMENT = 4,
    EVENT_UPDATE_INVOICE = 8,
    EVENT_DELETE_INVOICE = 9,
    EVENT_UPDATE_CLIENT = 10,
    EVENT_DELETE_CLIENT = 11,
    EVENT_DELETE_PAYMENT = 12,
    EVENT_LATE_INVOICE = 22,
    EVENT_UPDATE_PAYMENT = 31,
    EVENT_ARCHIVE_PAYMENT = 32,
    EVENT_ARCHIVE_INVOICE = 33,
    EVENT_ARCHIVE_CLIENT = 37,
    EVENT_RESTORE_PAYMENT = 40,
    EVENT_RESTORE_INVOICE = 41,
    EVENT_RESTORE_CLIENT = 45,
    EVENT_SENT_INVOICE = 60,
};

// Stored statuses, as the API shows them.
#define INVOICE_DRAFT "1"
#define INVOICE_SENT "2"
#define INVOICE_PARTIAL "3"
#define INVOICE_PAID "4"
#define INVOICE_CANCELLED "5"
#define PAYMENT_PENDING "1"
#define PAYMENT_FAILED "3"
#define PAYMENT_COMPLETED "4"
#define PAYMENT_PARTIALLY_REFUNDED "5"
#define PAYMENT_REFUNDED "6"

// invoice_ninja_hashid.c: ids of ten characters, with an empty salt. decode returns 0
// for what is no hashid.
void hashid_encode(int64_t id, char out[HASHID_BYTES]);
int64_t hashid_decode(const char *text);

// invoice_ninja_php.c: how PHP prints and rounds.
// JSON with \/ and \u escapes, 17000.0 as 17000; the caller frees.
char *php_json(struct json_object *obj, bool pretty);
// Rounds to two places, half away from zero, as PHP's round() does.
double php_round(double number);
// What PHP takes for true: true, 1, "1", "true".
bool php_true(struct json_object *value);
// Reads a number, or a text that is one.
bool php_number(struct json_object *value, double *number);

// invoice_ninja_company.c
// Makes the rows of SIM_COMPANIES; false, after a line on stderr, if it is wrong.
bool company_start(struct sim *sim);
struct json_object *company_get(struct sim *sim, int64_t company);
// The company of that code or of that token, or NULL.
struct json_object *company_by(struct sim *sim, const char *key, const char *value);
bool company_authorize(struct call *call);
void company_ping(struct call *call);
void company_current(struct call *call);
// POST /_sim/company: adds one, or changes the members that are given.
void company_put(struct call *call);

// invoice_ninja_answer.c: answers and errors in Ninja's dialects.
void answer_data(struct call *call, struct json_object *view);
void answer_list(struct call *call, struct json_object *views, int64_t total,
                 int64_t per_page, int64_t page);
// {"message": ...}; without JSON headers a page instead, as all that Laravel renders.
void answer_message(struct call *call, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void answer_bad_id(struct call *call, enum entity kind, const char *given);
// {"message": ..., "errors": {}}, whatever the headers.
void answer_forbidden(struct call *call, const char *message);
void answer_empty(struct call *call);
void answer_duplicate(struct call *call);
void answer_refuse(struct call *call, int status);
// errors is {field: [text...]} and given away. 422, or 302 without JSON headers.
void answer_invalid(struct call *call, struct json_object *errors);
// Adds a text to errors.
void problem(struct json_object *errors, const char *field, const char *text);
// Answers and gives errors away if there are any; else frees them and returns true.
bool no_problem(struct call *call, struct json_object *errors);
// Lets the call's webhooks be sent before its answer, where the queue is "sync".
void call_webhooks_inside(struct call *call);
// The rows that a bulk call's ids name (unknown ones are left out), an array that the
// caller owns. Answers and returns NULL if the action is none of these or nothing is
// found.
struct json_object *bulk_rows(struct call *call, enum entity kind,
                              const char *const *actions);
// Says whether Ninja is the one of 2026, which differs in a few words.
bool is_2026(struct sim *sim);
// Answers a bulk call with all of the rows, which are given away.
void bulk_answer(struct call *call, struct json_object *rows);
// A member of the body, else a query parameter (of which only the text is known).
bool input_true(struct call *call, const char *key);

// invoice_ninja_row.c: rows, and the tables of what an object has.
struct json_object *row_new(struct sim *sim, int64_t company, enum entity kind);
// Sets what may be written and is given.
void row_fill(struct json_object *row, struct json_object *body);
// Adds to errors what is of the wrong kind.
void row_check(enum entity kind, struct json_object *body, struct json_object *errors);
struct json_object *row_get(struct sim *sim, int64_t company, enum entity kind,
                            int64_t id);
struct json_object *row_by_hash(struct sim *sim, int64_t company, enum entity kind,
                                const char *hash);
// Walks the rows of a company, the oldest first.
struct json_object *row_first(struct sim *sim, int64_t company, enum entity kind,
                              struct store_cursor *cursor);
// The first row but `but` whose view has that text, case ignored; NULL: none.
struct json_object *row_with(struct sim *sim, int64_t company, enum entity kind,
                             const char *key, const char *text,
                             struct json_object *but);
// Finds the row that call->word names; answers 400 and returns NULL if there is none.
struct json_object *row_of_call(struct call *call, enum entity kind);
// row_of_call for somebody who wants to change it: 400 if it is deleted.
struct json_object *row_to_edit(struct call *call, enum entity kind);
struct json_object *row_view(struct json_object *row);
const char *row_text(struct json_object *row, const char *key);
bool row_is(struct json_object *row, const char *key, const char *text);
bool row_deleted(struct json_object *row);
int64_t row_company(struct json_object *row);
enum entity row_kind(struct json_object *row);
int64_t row_cents(struct json_object *row, const char *key);
void row_set_cents(struct json_object *row, const char *key, int64_t cents);
int64_t cents_of(struct json_object *obj, const char *key); // any object's member
void row_set(struct json_object *row, const char *key, const char *text);
// Says that the row was changed; stamp: and moves its updated_at.
void row_touch(struct sim *sim, struct json_object *row);
void row_stamp(struct sim *sim, struct json_object *row);
// The next "0001" that nobody has.
void row_number(struct sim *sim, struct json_object *row);
const char *entity_name(enum entity kind); // "Invoice"
// Makes an object that lies inside another; given: what may be written is taken.
struct json_object *row_part(enum part part, struct json_object *given);
// The same for one that is there.
void row_part_fill(enum part part, struct json_object *obj, struct json_object *given);

int64_t now_s(struct sim *sim);
void today(struct sim *sim, char out[DATE_BYTES]);
// Days after a date.
void date_after(const char *date, int64_t days, char out[DATE_BYTES]);
bool is_date(const char *text);
// Letters that depend on nothing but what they are for.
void random_key(const char *what, int64_t company, int64_t id, char out[KEY_BYTES]);
// Says whether the same was done less than a second ago, and remembers that it was now.
bool guard_taken(struct sim *sim, const char *text);
// Says whether it was ever done, and remembers.
bool guard_seen(struct sim *sim, const char *text);

// invoice_ninja_view.c: objects with what they include; the caller owns the result.
// Says whether all of the list with commas can be included; answers 400 if not.
bool view_can_include(struct call *call, enum entity kind, const char *include);
struct json_object *view_make(struct sim *sim, struct json_object *row,
                              const char *include);
// Answers with the row and what the call wants included.
void view_answer(struct call *call, struct json_object *row);

// invoice_ninja_list.c
void list_clients(struct call *call);
void list_invoices(struct call *call);
void list_payments(struct call *call);
void list_webhooks(struct call *call);

// invoice_ninja_client.c
void client_create(struct call *call);
void client_update(struct call *call);
void client_show(struct call *call);
void client_delete(struct call *call);
void client_bulk(struct call *call);
struct json_object *client_of(struct sim *sim, struct json_object *row);
struct json_object *client_contact(struct json_object *client, const char *hash);
// Makes a client by hand, as a person does.
struct json_object *client_make(struct sim *sim, int64_t company,
                                struct json_object *body);
// Adds to balance and paid_to_date.
void client_book(struct sim *sim, struct json_object *client, int64_t balance_cents,
                 int64_t paid_cents);

// invoice_ninja_total.c: reckons line totals, taxes, amount and balance anew.
void total_compute(struct json_object *invoice);

// invoice_ninja_invoice.c
void invoice_create(struct call *call);
void invoice_update(struct call *call);
void invoice_show(struct call *call);
void invoice_delete(struct call *call);
void invoice_download(struct call *call);
void invoice_download_by_key(struct call *call);
// Makes or changes an invoice of a checked body.
struct json_object *invoice_make(struct sim *sim, struct json_object *client,
                                 struct json_object *body);
void invoice_change(struct sim *sim, struct json_object *invoice,
                    struct json_object *body);
// invoice_ninja_check.c: checks a body against what is there; invoice is NULL for a new
// one.
void invoice_check(struct call *call, struct json_object *invoice,
                   struct json_object *errors);
// The invoice with that number, or with that invitation.
struct json_object *invoice_by_number(struct sim *sim, int64_t company,
                                      const char *number);
struct json_object *invoice_by_key(struct sim *sim, int64_t company, const char *key,
                                   struct json_object **invitation);
// Says whether lock_invoices forbids to change it.
bool invoice_locked(struct sim *sim, struct json_object *invoice);

// invoice_ninja_action.c
void action_get(struct call *call);
void action_bulk(struct call *call);
// Does what the query or body of a create or update asks for: mark_sent=true, ...
void action_triggers(struct call *call, struct json_object *invoice);
// False: there is no such action.
bool action_run(struct sim *sim, struct json_object *invoice, const char *action,
                bool mail_lost);
void action_mark_sent(struct sim *sim, struct json_object *invoice);
bool action_mark_paid(struct sim *sim, struct json_object *invoice,
                      const char *reference, int64_t cents);
void action_delete(struct sim *sim, struct json_object *invoice);

// invoice_ninja_mail.c
// Mails the invoice to everybody invited, and books that it did.
void mail_invoice(struct sim *sim, struct json_object *invoice, const char *template,
                  const char *cc, bool mail_lost);
void mail_receipt(struct sim *sim, struct json_object *payment, bool mail_lost);
void mail_post(struct call *call);

// invoice_ninja_payment.c
struct pay_order {
    int64_t company;
    struct json_object *client;
    struct json_object *body;     // what the API takes
    struct json_object *invoices; // [{invoice_id, amount}], checked
    int64_t cents;
    bool gateway; // paid online: not manual, as the contact
    bool pending;
    bool linked; // its webhook knows the invoices already
};
struct json_object *payment_make(struct sim *sim, const struct pay_order *order);
void payment_create(struct call *call);
void payment_update(struct call *call);
void payment_show(struct call *call);
void payment_delete(struct call *call);
void payment_bulk(struct call *call);
void payment_refund(struct call *call);
bool payment_act(struct sim *sim, struct json_object *payment, const char *action);

// invoice_ninja_money.c: what payments do to invoices and clients.
// Books cents of the payment on the invoice.
void money_apply(struct sim *sim, struct json_object *payment,
                 struct json_object *invoice, int64_t cents);
// Applies all of [{invoice_id, amount}]; returns the sum.
int64_t money_apply_all(struct sim *sim, struct json_object *payment,
                        struct json_object *invoices);
// Gives back what invoices say ([{invoice_id, amount}]; NULL: only what is unapplied).
void money_refund(struct sim *sim, struct json_object *payment, int64_t cents,
                  struct json_object *invoices);
void money_delete(struct sim *sim, struct json_object *payment);
// A pending payment comes through, or fails.
void money_complete(struct sim *sim, struct json_object *payment);
void money_fail(struct sim *sim, struct json_object *payment);
// The invoice is deleted, or restored: its payments go, or come, with it.
void money_drop_invoice(struct sim *sim, struct json_object *invoice);
void money_take_back(struct sim *sim, struct json_object *invoice);
// The link of the payment with that invoice, or NULL.
struct json_object *payment_link(struct json_object *payment, const char *invoice);
// What the payment still holds for no invoice.
int64_t payment_unapplied(struct json_object *payment);

// invoice_ninja_webhook.c: rows of webhooks.
void webhook_create(struct call *call);
void webhook_update(struct call *call);
void webhook_show(struct call *call);
void webhook_delete(struct call *call);
void webhook_bulk(struct call *call);
void webhook_retry(struct call *call);

// invoice_ninja_hook.c: what is sent to them.
bool hook_known_event(int64_t event);
// Queues a delivery to each webhook row of the company with that event. early: the
// object is seen as it is in the middle of the call, where the queue is "sync".
void hook_fire(struct sim *sim, enum event_id event, struct json_object *row,
               bool early);
// Queues one delivery to one webhook row.
void hook_fire_at(struct sim *sim, struct json_object *webhook, struct json_object *row,
                  bool early);
bool hook_build(struct sim *sim, struct json_object *hook,
                struct hook_message *message);
int64_t hook_retry_min(struct json_object *hook, int64_t failed);
void hook_result(struct sim *sim, struct json_object *hook, int status);

// invoice_ninja_person.c: what people do, as controls under /_sim.
extern const struct sim_route person_routes[];
void person_portal(struct call *call);

#endif
