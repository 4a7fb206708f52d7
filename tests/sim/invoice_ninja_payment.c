#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

enum { IDEMPOTENCY_KEY_BYTES = 64 };

struct json_object *
payment_make(struct sim *sim, const struct pay_order *order)
{
    struct json_object *payment = row_new(sim, order->company, ENTITY_PAYMENT);
    row_fill(payment, order->body);
    row_set(payment, "client_id", row_text(order->client, "id"));
    row_set_cents(payment, "amount", order->cents);
    row_set(payment, "status_id", order->pending ? PAYMENT_PENDING : PAYMENT_COMPLETED);
    json_add_bool(row_view(payment), "is_manual", !order->gateway);
    json_share(payment, "idempotency_key", json_at(order->body, "idempotency_key"));
    if (order->gateway) {
        struct json_object *contacts = json_at(row_view(order->client), "contacts");
        row_set(payment, "client_contact_id",
                json_str(json_object_array_get_idx(contacts, 0), "id"));
        row_set(payment, "company_gateway_id", "Opnel5aKBz");
        row_set(payment, "gateway_type_id", "1");
    }
    if (row_is(payment, "date", "")) {
        char date[DATE_BYTES];
        today(sim, date);
        row_set(payment, "date", date);
    }
    if (row_is(payment, "number", ""))
        row_number(sim, payment);
    money_apply_all(sim, payment, order->invoices);
    client_book(sim, order->client, 0, order->cents);
    row_touch(sim, payment);
    hook_fire(sim, EVENT_CREATE_PAYMENT, payment, !order->linked);
    return payment;
}

static void
check_one_invoice(struct call *call, struct json_object *client,
                  struct json_object *one, size_t i, struct json_object *errors)
{
    struct json_object *invoice = row_by_hash(call->sim, call->account, ENTITY_INVOICE,
                                              json_str(one, "invoice_id"));
    double number = 0;
    char field[64];
    snprintf(field, sizeof field, "invoices.%zu.invoice_id", i);
    if (invoice == NULL || row_deleted(invoice))
        problem(errors, field, "The selected invoice id is invalid.");
    else if (client != NULL && !row_is(invoice, "client_id", row_text(client, "id")))
        problem(errors, field, "Selected invoices are not from a single client.");
    else if (!php_number(json_at(one, "amount"), &number))
        problem(errors, field, "The amount must be a number.");
    else if (cents_of(one, "amount") > row_cents(invoice, "balance"))
        problem(errors, field,
                "The amount is greater than the invoice balance. You cannot overpay an "
                "invoice.");
}

static bool
is_twice(struct json_object *invoices, size_t i)
{
    const char *hash = json_str(json_object_array_get_idx(invoices, i), "invoice_id");
    for (size_t j = 0; hash != NULL && j < i; j++) {
        const char *other =
            json_str(json_object_array_get_idx(invoices, j), "invoice_id");
        if (other != NULL && strcmp(other, hash) == 0)
            return true;
    }
    return false;
}

// Checks [{invoice_id, amount}] and adds the sum to *cents.
static void
check_invoices(struct call *call, struct json_object *client, int64_t *cents,
               struct json_object *errors)
{
    struct json_object *invoices = json_at(call->body, "invoices");
    if (invoices == NULL)
        return;
    if (!json_object_is_type(invoices, json_type_array)) {
        problem(errors, "invoices", "The invoices must be an array.");
        return;
    }
    for (size_t i = 0; i < json_object_array_length(invoices); i++) {
        struct json_object *one = json_object_array_get_idx(invoices, i);
        check_one_invoice(call, client, one, i, errors);
        if (is_twice(invoices, i))
            problem(errors, "invoices", "Invoices must not be named twice.");
        *cents += cents_of(one, "amount");
    }
}

static struct json_object *
payment_with_key(struct call *call, const char *key)
{
    struct store_cursor cursor;
    struct json_object *row =
        row_first(call->sim, call->account, ENTITY_PAYMENT, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        const char *its = json_str(row, "idempotency_key");
        if (its != NULL && strcmp(its, key) == 0)
            return row;
    }
    return NULL;
}

static void
check_keys(struct call *call, struct json_object *payment, struct json_object *errors)
{
    const char *key = json_str(call->body, "idempotency_key");
    const char *number = json_object_get_string(json_at(call->body, "number"));
    if (payment == NULL && key != NULL && strlen(key) > IDEMPOTENCY_KEY_BYTES)
        problem(errors, "idempotency_key",
                "The idempotency key may not be greater than 64 characters.");
    else if (payment == NULL && key != NULL && payment_with_key(call, key) != NULL)
        problem(errors, "idempotency_key",
                "The idempotency key has already been taken.");
    if (number != NULL && *number != '\0'
        && row_with(call->sim, call->account, ENTITY_PAYMENT, "number", number, payment)
               != NULL)
        problem(errors, "number", "The number has already been taken.");
}

static struct json_object *
check_client(struct call *call, struct json_object *errors)
{
    const char *hash = json_str(call->body, "client_id");
    struct json_object *client =
        row_by_hash(call->sim, call->account, ENTITY_CLIENT, hash);
    if (hash == NULL)
        problem(errors, "client_id", "The client id field is required.");
    else if (client == NULL || row_deleted(client))
        problem(errors, "client_id", "The selected client id is invalid.");
    return client;
}

// The amount as PHP would print it is part of the guard's text.
static bool
is_duplicate(struct call *call)
{
    const char *client = json_str(call->body, "client_id");
    char text[160];
    snprintf(text, sizeof text, "payment|%lld|%.40s|%d",
             (long long)cents_of(call->body, "amount"), client == NULL ? "" : client,
             call->account);
    return guard_taken(call->sim, text);
}

static bool
wants_receipt(struct json_object *body)
{
    return !json_has(body, "email_receipt") || php_true(json_at(body, "email_receipt"));
}

void
payment_create(struct call *call)
{
    struct json_object *errors = json_object_new_object();
    struct pay_order order = {.company = call->account, .body = call->body};
    int64_t sum = 0;
    if (is_duplicate(call)) {
        json_object_put(errors);
        answer_duplicate(call);
        return;
    }
    order.client = check_client(call, errors);
    row_check(ENTITY_PAYMENT, call->body, errors);
    check_invoices(call, order.client, &sum, errors);
    check_keys(call, NULL, errors);
    order.cents =
        json_at(call->body, "amount") == NULL ? sum : cents_of(call->body, "amount");
    if (order.cents < sum)
        problem(errors, "amount", "Amounts do not balance correctly.");
    if (!no_problem(call, errors))
        return;
    order.invoices = json_at(call->body, "invoices");
    call_webhooks_inside(call);
    struct json_object *payment = payment_make(call->sim, &order);
    if (wants_receipt(call->body))
        mail_receipt(call->sim, payment, call->mail_lost);
    view_answer(call, payment);
}

// What is not applied yet may be applied now.
void
payment_update(struct call *call)
{
    struct json_object *payment = row_to_edit(call, ENTITY_PAYMENT);
    struct json_object *errors = json_object_new_object();
    int64_t sum = 0;
    if (payment == NULL) {
        json_object_put(errors);
        return;
    }
    row_check(ENTITY_PAYMENT, call->body, errors);
    check_invoices(call, client_of(call->sim, payment), &sum, errors);
    check_keys(call, payment, errors);
    if (sum > payment_unapplied(payment))
        problem(errors, "amount", "Amounts do not balance correctly.");
    if (!no_problem(call, errors))
        return;
    call_webhooks_inside(call);
    row_fill(payment, call->body);
    money_apply_all(call->sim, payment, json_at(call->body, "invoices"));
    row_stamp(call->sim, payment);
    hook_fire(call->sim, EVENT_UPDATE_PAYMENT, payment, false);
    view_answer(call, payment);
}

void
payment_show(struct call *call)
{
    struct json_object *payment = row_of_call(call, ENTITY_PAYMENT);
    if (payment != NULL)
        view_answer(call, payment);
}

void
payment_delete(struct call *call)
{
    struct json_object *payment = row_of_call(call, ENTITY_PAYMENT);
    if (payment == NULL)
        return;
    call_webhooks_inside(call);
    money_delete(call->sim, payment);
    view_answer(call, payment);
}

bool
payment_act(struct sim *sim, struct json_object *payment, const char *action)
{
    bool restore = strcmp(action, "restore") == 0;
    if (strcmp(action, "delete") == 0) {
        money_delete(sim, payment);
        return true;
    }
    if (strcmp(action, "email") == 0) {
        mail_receipt(sim, payment, false);
        return true;
    }
    if (!restore && strcmp(action, "archive") != 0)
        return false;
    // What is deleted stays so.
    if (row_deleted(payment))
        return true;
    json_add_int(row_view(payment), "archived_at", restore ? 0 : now_s(sim));
    row_stamp(sim, payment);
    hook_fire(sim, restore ? EVENT_RESTORE_PAYMENT : EVENT_ARCHIVE_PAYMENT, payment,
              false);
    return true;
}

void
payment_bulk(struct call *call)
{
    static const char *const actions[] = {"archive", "restore", "delete", "email",
                                          NULL};
    struct json_object *rows = bulk_rows(call, ENTITY_PAYMENT, actions);
    if (rows == NULL)
        return;
    call_webhooks_inside(call);
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        payment_act(call->sim, json_object_array_get_idx(rows, i),
                    json_str(call->body, "action"));
    bulk_answer(call, rows);
}

// Checks what is wished back of invoices; returns the sum.
static int64_t
check_refunded_invoices(struct json_object *payment, struct json_object *invoices,
                        struct json_object *errors)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_object_array_length(invoices); i++) {
        struct json_object *one = json_object_array_get_idx(invoices, i);
        const char *hash = json_str(one, "invoice_id");
        struct json_object *link = hash == NULL ? NULL : payment_link(payment, hash);
        int64_t left =
            link == NULL ? 0 : cents_of(link, "amount") - cents_of(link, "refunded");
        if (link == NULL || cents_of(one, "amount") > left)
            problem(errors, "invoices",
                    "Attempting to refund more than the invoice was paid.");
        sum += cents_of(one, "amount");
    }
    return sum;
}

static void
check_refund(struct json_object *payment, struct json_object *body, int64_t *cents,
             struct json_object *errors)
{
    bool received = row_is(payment, "status_id", PAYMENT_COMPLETED)
                    || row_is(payment, "status_id", PAYMENT_PARTIALLY_REFUNDED);
    int64_t most = row_cents(payment, "amount") - row_cents(payment, "refunded");
    int64_t sum = 0;
    if (row_deleted(payment) || !received)
        problem(errors, "id", "This payment cannot be refunded.");
    if (json_is_array(body, "invoices"))
        sum = check_refunded_invoices(payment, json_at(body, "invoices"), errors);
    else if (json_at(body, "invoices") != NULL)
        problem(errors, "invoices", "The invoices must be an array.");
    *cents = sum > 0 ? sum : cents_of(body, "amount");
    if (sum == 0 && *cents > payment_unapplied(payment))
        most = 0;
    if (*cents <= 0 || *cents > most)
        problem(errors, "amount", "Attempting to refund more than allowed.");
}

void
payment_refund(struct call *call)
{
    struct json_object *errors = json_object_new_object();
    struct json_object *payment = row_by_hash(call->sim, call->account, ENTITY_PAYMENT,
                                              json_str(call->body, "id"));
    int64_t cents = 0;
    if (payment == NULL)
        problem(errors, "id", "The selected id is invalid.");
    else
        check_refund(payment, call->body, &cents, errors);
    if (!no_problem(call, errors))
        return;
    call_webhooks_inside(call);
    money_refund(call->sim, payment, cents, json_at(call->body, "invoices"));
    view_answer(call, payment);
}
