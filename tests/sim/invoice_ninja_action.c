// What moves an invoice: nothing else changes its status.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static bool
is_payable(struct json_object *invoice)
{
    return !row_deleted(invoice) && !row_is(invoice, "status_id", INVOICE_PAID)
           && !row_is(invoice, "status_id", INVOICE_CANCELLED);
}

static void
fill_due_date(struct sim *sim, struct json_object *invoice)
{
    struct json_object *settings =
        json_at(row_view(client_of(sim, invoice)), "settings");
    int64_t days = json_int(settings, "payment_terms", -1);
    char date[DATE_BYTES];
    if (!row_is(invoice, "due_date", "") || days < 0)
        return;
    date_after(row_text(invoice, "date"), days, date);
    row_set(invoice, "due_date", date);
}

void
action_mark_sent(struct sim *sim, struct json_object *invoice)
{
    if (!row_is(invoice, "status_id", INVOICE_DRAFT) || row_deleted(invoice))
        return;
    struct json_object *list = json_at(row_view(invoice), "invitations");
    char date[DATE_BYTES];
    today(sim, date);
    row_set(invoice, "status_id", INVOICE_SENT);
    row_set(invoice, "last_sent_date", date);
    for (size_t i = 0; i < json_object_array_length(list); i++)
        json_add_str(json_object_array_get_idx(list, i), "sent_date", date);
    fill_due_date(sim, invoice);
    row_stamp(sim, invoice);
    client_book(sim, client_of(sim, invoice), row_cents(invoice, "balance"), 0);
    hook_fire(sim, EVENT_UPDATE_INVOICE, invoice, false);
    hook_fire(sim, EVENT_SENT_INVOICE, invoice, false);
}

bool
action_mark_paid(struct sim *sim, struct json_object *invoice, const char *reference,
                 int64_t cents)
{
    if (!is_payable(invoice))
        return false;
    struct json_object *body = json_object_new_object();
    struct json_object *one = json_object_new_object();
    struct json_object *invoices = json_object_new_array();
    action_mark_sent(sim, invoice);
    int64_t balance = row_cents(invoice, "balance");
    int64_t applied = cents < 0 || cents > balance ? balance : cents;
    json_add_str(body, "transaction_reference",
                 reference == NULL ? "Manual entry" : reference);
    json_add_str(one, "invoice_id", row_text(invoice, "id"));
    json_add(one, "amount", json_object_new_double((double)applied / 100));
    json_object_array_add(invoices, one);
    struct pay_order order = {
        .company = row_company(invoice),
        .client = client_of(sim, invoice),
        .body = body,
        .invoices = invoices,
        .cents = cents < 0 ? balance : cents,
        .linked = true,
    };
    payment_make(sim, &order);
    json_object_put(body);
    json_object_put(invoices);
    hook_fire(sim, EVENT_UPDATE_INVOICE, invoice, false);
    return true;
}

static bool
is_cancellable(struct json_object *invoice)
{
    return !row_deleted(invoice)
           && (row_is(invoice, "status_id", INVOICE_SENT)
               || row_is(invoice, "status_id", INVOICE_PARTIAL));
}

static void
cancel(struct sim *sim, struct json_object *invoice)
{
    if (!is_cancellable(invoice))
        return;
    client_book(sim, client_of(sim, invoice), -row_cents(invoice, "balance"), 0);
    row_set(invoice, "status_id", INVOICE_CANCELLED);
    row_set_cents(invoice, "balance", 0);
    row_stamp(sim, invoice);
    hook_fire(sim, EVENT_UPDATE_INVOICE, invoice, false);
}

static void
archive(struct sim *sim, struct json_object *invoice)
{
    json_add_int(row_view(invoice), "archived_at", now_s(sim));
    row_stamp(sim, invoice);
    hook_fire(sim, EVENT_ARCHIVE_INVOICE, invoice, false);
}

// Gives the number free for others.
static void
rename_deleted(struct sim *sim, struct json_object *invoice)
{
    char number[300];
    char base[200];
    snprintf(base, sizeof base, "%s", row_text(invoice, "number"));
    snprintf(number, sizeof number, "%s_Deleted", base);
    for (int i = 1; invoice_by_number(sim, row_company(invoice), number) != NULL; i++)
        snprintf(number, sizeof number, "%s_Deleted_%d", base, i);
    row_set(invoice, "number", number);
}

void
action_delete(struct sim *sim, struct json_object *invoice)
{
    if (row_deleted(invoice))
        return;
    money_drop_invoice(sim, invoice);
    if (!row_is(invoice, "status_id", INVOICE_DRAFT))
        client_book(sim, client_of(sim, invoice), -row_cents(invoice, "balance"), 0);
    rename_deleted(sim, invoice);
    json_add_bool(row_view(invoice), "is_deleted", true);
    json_add_int(row_view(invoice), "archived_at", now_s(sim));
    row_stamp(sim, invoice);
    hook_fire(sim, EVENT_DELETE_INVOICE, invoice, true);
}

// The old number, if nobody took it in between.
static void
rename_restored(struct sim *sim, struct json_object *invoice)
{
    char number[300];
    char base[200];
    const char *deleted = row_text(invoice, "number");
    const char *suffix = strstr(deleted, "_Deleted");
    if (suffix == NULL)
        return;
    snprintf(base, sizeof base, "%.*s", (int)(suffix - deleted), deleted);
    snprintf(number, sizeof number, "%s", base);
    for (int i = 1; invoice_by_number(sim, row_company(invoice), number) != NULL; i++)
        snprintf(number, sizeof number, "%s_%d", base, i);
    row_set(invoice, "number", number);
}

static void
restore(struct sim *sim, struct json_object *invoice)
{
    if (row_deleted(invoice)) {
        rename_restored(sim, invoice);
        if (!row_is(invoice, "status_id", INVOICE_DRAFT))
            client_book(sim, client_of(sim, invoice), row_cents(invoice, "balance"), 0);
        json_add_bool(row_view(invoice), "is_deleted", false);
        money_take_back(sim, invoice);
    }
    json_add_int(row_view(invoice), "archived_at", 0);
    row_stamp(sim, invoice);
    hook_fire(sim, EVENT_RESTORE_INVOICE, invoice, false);
}

static const struct {
    const char *name;
    void (*act)(struct sim *sim, struct json_object *invoice);
} actions[] = {
    {"mark_sent", action_mark_sent},
    {"cancel", cancel},
    {"archive", archive},
    {"restore", restore},
    {"delete", action_delete},
};

bool
action_run(struct sim *sim, struct json_object *invoice, const char *action,
           bool mail_lost)
{
    if (strcmp(action, "mark_paid") == 0) {
        // On an invoice that is paid: silence.
        (void)action_mark_paid(sim, invoice, NULL, -1);
        return true;
    }
    if (strcmp(action, "email") == 0 || strcmp(action, "send_email") == 0) {
        mail_invoice(sim, invoice, "email_template_invoice", NULL, mail_lost);
        return true;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, action) == 0) {
            actions[i].act(sim, invoice);
            return true;
        }
    }
    return strcmp(action, "auto_bill") == 0;
}

// A mail of another kind than the first, as "reminder1".
static bool
mailed_by_type(struct call *call, struct json_object *invoice, const char *action)
{
    const char *type = json_str(call->body, "email_type");
    char template[80];
    if (strcmp(action, "email") != 0 || type == NULL)
        return false;
    snprintf(template, sizeof template, "email_template_%.50s", type);
    mail_invoice(call->sim, invoice, template, NULL, call->mail_lost);
    return true;
}

// 2026 says so where 5.10 kept silent. Gives rows away if it answers.
static bool
refused_in_2026(struct call *call, struct json_object *rows, const char *action)
{
    bool cancels = strcmp(action, "cancel") == 0;
    if (!is_2026(call->sim) || (!cancels && strcmp(action, "mark_paid") != 0))
        return false;
    struct json_object *errors = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *invoice = json_object_array_get_idx(rows, i);
        if (cancels && !is_cancellable(invoice))
            problem(errors, "action", "This invoice cannot be cancelled");
        else if (!cancels && !is_payable(invoice))
            problem(errors, "action", "Invoice cannot be marked as paid");
    }
    if (no_problem(call, errors))
        return false;
    json_object_put(rows);
    return true;
}

void
action_bulk(struct call *call)
{
    static const char *const known[] = {
        "mark_sent", "mark_paid", "email",  "send_email", "cancel",
        "archive",   "restore",   "delete", "auto_bill",  NULL};
    const char *action = json_str(call->body, "action");
    char text[120];
    snprintf(text, sizeof text, "bulk|%.60s|%d", action == NULL ? "" : action,
             call->account);
    if (guard_taken(call->sim, text)) {
        answer_duplicate(call);
        return;
    }
    struct json_object *rows = bulk_rows(call, ENTITY_INVOICE, known);
    if (rows == NULL || refused_in_2026(call, rows, action))
        return;
    call_webhooks_inside(call);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *invoice = json_object_array_get_idx(rows, i);
        if (!mailed_by_type(call, invoice, action))
            action_run(call->sim, invoice, action, call->mail_lost);
    }
    bulk_answer(call, rows);
}

static void
answer_mark_paid(struct call *call, struct json_object *invoice)
{
    if (action_mark_paid(call->sim, invoice, NULL, -1)) {
        view_answer(call, invoice);
        return;
    }
    struct json_object *error = json_object_new_object();
    json_add_str(error, "message", "Invoice cannot be marked as paid");
    struct json_object *reply = json_object_new_object();
    json_add(reply, "error", error);
    call_answer(call, 400, reply);
}

void
action_get(struct call *call)
{
    struct json_object *invoice = row_of_call(call, ENTITY_INVOICE);
    const char *slash = strchr(call->word, '/');
    const char *action = slash == NULL ? "" : slash + 1;
    if (invoice == NULL)
        return;
    call_webhooks_inside(call);
    if (strcmp(action, "mark_paid") == 0)
        answer_mark_paid(call, invoice);
    else if (!action_run(call->sim, invoice, action, call->mail_lost))
        answer_message(call, 400, "The requested action `%s` is not available.",
                       action);
    else if (strcmp(action, "email") == 0)
        answer_message(call, 200, "email sent");
    else if (strcmp(action, "cancel") == 0)
        answer_empty(call);
    else
        view_answer(call, invoice);
}

// A query parameter, else a member of the body, as money; -1 if there is none.
static int64_t
input_cents(struct call *call, const char *key)
{
    const char *text = call_query(call, key);
    struct json_object *holder = json_object_new_object();
    int64_t cents = -1;
    if (text != NULL)
        json_add_str(holder, key, text);
    else
        json_share(holder, key, json_at(call->body, key));
    if (json_at(holder, key) != NULL)
        cents = cents_of(holder, key);
    json_object_put(holder);
    return cents;
}

void
action_triggers(struct call *call, struct json_object *invoice)
{
    struct sim *sim = call->sim;
    const char *reference = call_query(call, "reference");
    int64_t amount_paid = input_cents(call, "amount_paid");
    if (input_true(call, "mark_sent"))
        action_mark_sent(sim, invoice);
    if (input_true(call, "paid"))
        (void)action_mark_paid(sim, invoice, reference, -1);
    if (amount_paid > 0)
        (void)action_mark_paid(sim, invoice, reference, amount_paid);
    if (input_true(call, "send_email"))
        mail_invoice(sim, invoice, "email_template_invoice", NULL, call->mail_lost);
    if (input_true(call, "cancel"))
        cancel(sim, invoice);
}
