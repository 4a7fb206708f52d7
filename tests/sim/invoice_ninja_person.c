// What people do in Ninja's own pages or at the bank, as controls.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "harness_json.h"
#include "invoice_ninja.h"

__attribute__((format(printf, 2, 3))) static void
refuse(struct call *call, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "error", text);
    call_answer(call, 422, reply);
}

// The company that the body names; answers and returns 0 if there is none.
static int64_t
company_of_body(struct call *call)
{
    struct json_object *row =
        company_by(call->sim, "code", json_str(call->body, "company"));
    if (row != NULL)
        return json_int(row, "id", 0);
    refuse(call, "company: unknown or missing, give its code as in SIM_COMPANIES");
    return 0;
}

// The row of that hashid, else of that number.
static struct json_object *
row_named(struct sim *sim, int64_t company, enum entity kind, const char *name)
{
    if (name == NULL)
        return NULL;
    struct json_object *row = row_by_hash(sim, company, kind, name);
    return row != NULL ? row : row_with(sim, company, kind, "number", name, NULL);
}

// The row that the body names by its id or number; answers and returns NULL if there is
// none.
static struct json_object *
row_of_body(struct call *call, enum entity kind, const char *key)
{
    int64_t company = company_of_body(call);
    if (company == 0)
        return NULL;
    struct json_object *row =
        row_named(call->sim, company, kind, json_str(call->body, key));
    if (row == NULL)
        refuse(call, "%s: none of that id or number in this company", key);
    return row;
}

static void
answer_row(struct call *call, struct json_object *row)
{
    call_answer(call, 200, view_make(call->sim, row, ""));
}

static struct json_object *
wish_for(struct json_object *invoice, int64_t cents)
{
    struct json_object *wish = json_object_new_object();
    json_add_str(wish, "invoice_id", row_text(invoice, "id"));
    json_add(wish, "amount", json_object_new_double((double)cents / 100));
    return wish;
}

// [{invoice_id, amount}] of the body's `invoices` [{invoice, amount?}] or `invoice`;
// answers and returns NULL if one is wrong.
static struct json_object *
invoices_of_body(struct call *call, int64_t company, struct json_object **client)
{
    struct json_object *list = json_object_new_array();
    struct json_object *given = json_at(call->body, "invoices");
    bool many = json_object_is_type(given, json_type_array);
    size_t count = many ? json_object_array_length(given) : 1;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one =
            many ? json_object_array_get_idx(given, i) : call->body;
        struct json_object *invoice =
            row_named(call->sim, company, ENTITY_INVOICE, json_str(one, "invoice"));
        if (invoice == NULL || row_deleted(invoice)) {
            refuse(call, "invoice: none of that id or number in this company");
            json_object_put(list);
            return NULL;
        }
        int64_t balance = row_cents(invoice, "balance");
        int64_t cents = json_has(one, "amount") ? cents_of(one, "amount") : balance;
        *client = client_of(call->sim, invoice);
        json_object_array_add(list,
                              wish_for(invoice, cents > balance ? balance : cents));
    }
    return list;
}

static int64_t
sum_of(struct json_object *invoices)
{
    int64_t cents = 0;
    for (size_t i = 0; i < json_object_array_length(invoices); i++)
        cents += cents_of(json_object_array_get_idx(invoices, i), "amount");
    return cents;
}

// A client pays: what is above the balances stays unapplied.
static void
pay(struct call *call)
{
    int64_t company = company_of_body(call);
    struct json_object *client = NULL;
    if (company == 0)
        return;
    struct json_object *invoices = invoices_of_body(call, company, &client);
    if (invoices == NULL)
        return;
    bool pending = json_flag(call->body, "pending", false);
    struct pay_order order = {
        .company = company,
        .client = client,
        .body = call->body,
        .invoices = invoices,
        .cents = json_has(call->body, "amount") ? cents_of(call->body, "amount")
                                                : sum_of(invoices),
        .gateway = json_flag(call->body, "gateway", true),
        .pending = pending,
    };
    struct json_object *payment = payment_make(call->sim, &order);
    json_object_put(invoices);
    answer_row(call, payment);
}

static void
complete(struct call *call)
{
    struct json_object *payment = row_of_body(call, ENTITY_PAYMENT, "payment");
    if (payment == NULL)
        return;
    money_complete(call->sim, payment);
    answer_row(call, payment);
}

static void
fail(struct call *call)
{
    struct json_object *payment = row_of_body(call, ENTITY_PAYMENT, "payment");
    if (payment == NULL)
        return;
    money_fail(call->sim, payment);
    answer_row(call, payment);
}

// What can be given back of each invoice until cents are spent.
static struct json_object *
spread(struct sim *sim, struct json_object *payment, int64_t cents)
{
    struct json_object *links = json_at(row_view(payment), "paymentables");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(links); i++) {
        struct json_object *link = json_object_array_get_idx(links, i);
        int64_t left = cents_of(link, "amount") - cents_of(link, "refunded");
        int64_t part = left < cents ? left : cents;
        struct json_object *invoice = row_by_hash(
            sim, row_company(payment), ENTITY_INVOICE, json_str(link, "invoice_id"));
        if (part > 0)
            json_object_array_add(list, wish_for(invoice, part));
        cents -= part;
    }
    return list;
}

static void
refund(struct call *call)
{
    struct json_object *payment = row_of_body(call, ENTITY_PAYMENT, "payment");
    if (payment == NULL)
        return;
    int64_t most = row_cents(payment, "amount") - row_cents(payment, "refunded");
    int64_t cents =
        json_has(call->body, "amount") ? cents_of(call->body, "amount") : most;
    if (cents <= 0 || cents > most || row_deleted(payment)) {
        refuse(call, "amount: more than what is left of the payment");
        return;
    }
    int64_t unapplied = payment_unapplied(payment);
    struct json_object *invoices =
        spread(call->sim, payment, cents > unapplied ? cents - unapplied : 0);
    money_refund(call->sim, payment, cents, invoices);
    json_object_put(invoices);
    answer_row(call, payment);
}

static void
act_invoice(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    const char *action = json_str(call->body, "action");
    if (invoice == NULL)
        return;
    if (action == NULL || !action_run(call->sim, invoice, action, call->mail_lost))
        refuse(call, "action: unknown, use one of POST /invoices/bulk");
    else
        answer_row(call, invoice);
}

static void
act_payment(struct call *call)
{
    struct json_object *payment = row_of_body(call, ENTITY_PAYMENT, "payment");
    const char *action = json_str(call->body, "action");
    if (payment == NULL)
        return;
    if (action == NULL || !payment_act(call->sim, payment, action))
        refuse(call, "action: unknown, use archive, restore, delete or email");
    else
        answer_row(call, payment);
}

static void
delete_invoice(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    if (invoice == NULL)
        return;
    action_delete(call->sim, invoice);
    answer_row(call, invoice);
}

static void
delete_payment(struct call *call)
{
    struct json_object *payment = row_of_body(call, ENTITY_PAYMENT, "payment");
    if (payment == NULL)
        return;
    money_delete(call->sim, payment);
    answer_row(call, payment);
}

// The client that the body names, else a new one.
static struct json_object *
client_of_body(struct call *call, int64_t company)
{
    const char *name = json_str(call->body, "client");
    struct json_object *client = row_named(call->sim, company, ENTITY_CLIENT, name);
    if (client != NULL || name != NULL)
        return client;
    struct json_object *body = json_object_new_object();
    json_add_str(body, "name", "Made by hand");
    client = client_make(call->sim, company, body);
    json_object_put(body);
    return client;
}

// One line of `amount`, VAT included.
static struct json_object *
body_by_hand(struct json_object *wish)
{
    struct json_object *body = json_clone(wish);
    struct json_object *line = json_object_new_object();
    struct json_object *lines = json_object_new_array();
    json_add_int(line, "quantity", 1);
    json_share(line, "cost", json_at(wish, "amount"));
    json_add_str(line, "notes", "made by hand");
    json_object_array_add(lines, line);
    if (json_at(wish, "line_items") == NULL)
        json_add(body, "line_items", lines);
    else
        json_object_put(lines);
    if (!json_has(wish, "uses_inclusive_taxes"))
        json_add_bool(body, "uses_inclusive_taxes", true);
    return body;
}

// Somebody makes an invoice in Ninja: `number`, `amount`, `client`, and whatever POST
// /invoices takes.
static void
make_invoice(struct call *call)
{
    int64_t company = company_of_body(call);
    const char *number = json_str(call->body, "number");
    if (company == 0)
        return;
    if (invoice_by_number(call->sim, company, number) != NULL) {
        refuse(call, "number: taken");
        return;
    }
    struct json_object *client = client_of_body(call, company);
    if (client == NULL) {
        refuse(call, "client: none of that id or number in this company");
        return;
    }
    struct json_object *body = body_by_hand(call->body);
    struct json_object *invoice = invoice_make(call->sim, client, body);
    json_object_put(body);
    if (json_flag(call->body, "sent", true))
        action_mark_sent(call->sim, invoice);
    answer_row(call, invoice);
}

// Somebody changes an invoice in Ninja: `set` is what PUT /invoices/{id} takes.
static void
edit_invoice(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    struct json_object *set = json_at(call->body, "set");
    const char *number = json_str(set, "number");
    if (invoice == NULL)
        return;
    if (number != NULL
        && row_with(call->sim, row_company(invoice), ENTITY_INVOICE, "number", number,
                    invoice)
               != NULL) {
        refuse(call, "number: taken");
        return;
    }
    invoice_change(call->sim, invoice, set);
    answer_row(call, invoice);
}

// The line at `index` was a gateway's fee and is taken out again.
static void
remove_fee(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    if (invoice == NULL)
        return;
    json_add_int(invoice, "gap", json_int(call->body, "index", 0));
    row_touch(call->sim, invoice);
    answer_row(call, invoice);
}

// Only the invitation knows: no webhook, and the invoice's updated_at stays.
static void
book_view(struct sim *sim, struct json_object *invoice, struct json_object *invitation)
{
    time_t seconds = (time_t)now_s(sim);
    struct tm tm;
    char day[40];
    char text[60];
    gmtime_r(&seconds, &tm);
    strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.000000", day);
    json_add_str(invitation, "viewed_date", text);
    row_touch(sim, invoice);
}

static void
view_invoice(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    if (invoice == NULL)
        return;
    book_view(call->sim, invoice,
              json_object_array_get_idx(json_at(row_view(invoice), "invitations"), 0));
    answer_row(call, invoice);
}

// What the mail provider says later: `status` (delivered, bounced, spam) and `error`.
static void
mail_status(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    const char *status = json_str(call->body, "status");
    const char *error = json_str(call->body, "error");
    if (invoice == NULL)
        return;
    struct json_object *invitation =
        json_object_array_get_idx(json_at(row_view(invoice), "invitations"), 0);
    json_add_str(invitation, "email_status", status == NULL ? "delivered" : status);
    json_add_str(invitation, "email_error", error == NULL ? "" : error);
    row_touch(call->sim, invoice);
    answer_row(call, invoice);
}

static void
late(struct call *call)
{
    struct json_object *invoice = row_of_body(call, ENTITY_INVOICE, "invoice");
    if (invoice == NULL)
        return;
    hook_fire(call->sim, EVENT_LATE_INVOICE, invoice, false);
    answer_row(call, invoice);
}

static void
resend(struct call *call)
{
    int64_t id = json_int(call->body, "webhook", 0);
    if (!hook_resend(call->sim, id)) {
        refuse(call, "webhook: none of that id, see GET /_sim/webhooks");
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "webhook", id);
    call_answer(call, 200, reply);
}

const struct sim_route person_routes[] = {
    {"POST", "/pay", pay, true},
    {"POST", "/complete", complete, true},
    {"POST", "/fail", fail, true},
    {"POST", "/refund", refund, true},
    {"POST", "/delete_payment", delete_payment, true},
    {"POST", "/delete_invoice", delete_invoice, true},
    {"POST", "/act_invoice", act_invoice, true},
    {"POST", "/act_payment", act_payment, true},
    {"POST", "/invoice", make_invoice, true},
    {"POST", "/edit_invoice", edit_invoice, true},
    {"POST", "/remove_fee", remove_fee, true},
    {"POST", "/view", view_invoice, true},
    {"POST", "/mail_status", mail_status, true},
    {"POST", "/late", late, true},
    {"POST", "/resend_webhook", resend, true},
    {"POST", "/company", company_put, true},
    {0},
};

// The page that a client opens: /client/invoice/<key>.
void
person_portal(struct call *call)
{
    static const char page[] =
        "<!DOCTYPE html><html><body><h1>Invoice</h1></body></html>";
    struct store_cursor cursor;
    struct json_object *company =
        store_oldest(sim_store(call->sim), "companies", &cursor);
    for (; company != NULL; company = store_newer(&cursor)) {
        struct json_object *invitation = NULL;
        struct json_object *invoice = invoice_by_key(
            call->sim, json_int(company, "id", 0), call->word, &invitation);
        if (invoice == NULL)
            continue;
        book_view(call->sim, invoice, invitation);
        call_bytes(call, 200, "text/html; charset=UTF-8", page, sizeof page - 1);
        return;
    }
    call_bytes(call, 404, "text/html; charset=UTF-8", page, sizeof page - 1);
}
