#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static void
set_cents(struct json_object *obj, const char *key, int64_t cents)
{
    json_add(obj, key, json_object_new_double((double)cents / 100));
}

static struct json_object *
link_at(struct json_object *payment, size_t i)
{
    return json_object_array_get_idx(json_at(row_view(payment), "paymentables"), i);
}

struct json_object *
payment_link(struct json_object *payment, const char *invoice)
{
    struct json_object *link = NULL;
    for (size_t i = 0; (link = link_at(payment, i)) != NULL; i++) {
        if (strcmp(json_str(link, "invoice_id"), invoice) == 0)
            return link;
    }
    return NULL;
}

int64_t
payment_unapplied(struct json_object *payment)
{
    int64_t back = row_cents(payment, "refunded");
    struct json_object *link = NULL;
    if (row_is(payment, "status_id", PAYMENT_FAILED))
        return 0;
    for (size_t i = 0; (link = link_at(payment, i)) != NULL; i++)
        back -= cents_of(link, "refunded");
    return row_cents(payment, "amount") - row_cents(payment, "applied") - back;
}

// A deposit that was asked for is reckoned with first.
static void
lower_partial(struct json_object *invoice, int64_t cents)
{
    int64_t partial = row_cents(invoice, "partial");
    if (partial == 0)
        return;
    row_set_cents(invoice, "partial", partial > cents ? partial - cents : 0);
    if (partial <= cents)
        row_set(invoice, "partial_due_date", "");
}

static void
move_invoice(struct sim *sim, struct json_object *invoice, int64_t cents)
{
    int64_t balance = row_cents(invoice, "balance") - cents;
    row_set_cents(invoice, "paid_to_date", row_cents(invoice, "paid_to_date") + cents);
    row_stamp(sim, invoice);
    if (row_is(invoice, "status_id", INVOICE_CANCELLED))
        return;
    bool unpaid = balance == row_cents(invoice, "amount");
    row_set_cents(invoice, "balance", balance);
    row_set(invoice, "status_id",
            balance == 0 ? INVOICE_PAID
            : unpaid     ? INVOICE_SENT
                         : INVOICE_PARTIAL);
}

static struct json_object *
link_new(struct sim *sim, struct json_object *payment, const char *invoice)
{
    struct json_object *link = row_part(PART_PAYMENTABLE, NULL);
    char counter[48];
    char hash[HASHID_BYTES];
    snprintf(counter, sizeof counter, "paymentables/%lld",
             (long long)row_company(payment));
    hashid_encode(store_next_id(sim_store(sim), counter, 1), hash);
    json_add_str(link, "id", hash);
    json_add_str(link, "invoice_id", invoice);
    json_add_int(link, "created_at", now_s(sim));
    json_add_int(link, "updated_at", now_s(sim));
    json_object_array_add(json_at(row_view(payment), "paymentables"), link);
    return link;
}

void
money_apply(struct sim *sim, struct json_object *payment, struct json_object *invoice,
            int64_t cents)
{
    const char *hash = row_text(invoice, "id");
    struct json_object *link = payment_link(payment, hash);
    if (link == NULL)
        link = link_new(sim, payment, hash);
    action_mark_sent(sim, invoice);
    set_cents(link, "amount", cents_of(link, "amount") + cents);
    row_set_cents(payment, "applied", row_cents(payment, "applied") + cents);
    lower_partial(invoice, cents);
    move_invoice(sim, invoice, cents);
    client_book(sim, client_of(sim, payment), -cents, 0);
}

int64_t
money_apply_all(struct sim *sim, struct json_object *payment,
                struct json_object *invoices)
{
    int64_t sum = 0;
    for (size_t i = 0; invoices != NULL && i < json_object_array_length(invoices);
         i++) {
        struct json_object *one = json_object_array_get_idx(invoices, i);
        struct json_object *invoice = row_by_hash(
            sim, row_company(payment), ENTITY_INVOICE, json_str(one, "invoice_id"));
        money_apply(sim, payment, invoice, cents_of(one, "amount"));
        sum += cents_of(one, "amount");
    }
    return sum;
}

// Takes cents that a link applied off its invoice again.
static void
unapply(struct sim *sim, struct json_object *payment, struct json_object *link,
        int64_t cents)
{
    struct json_object *invoice = row_by_hash(sim, row_company(payment), ENTITY_INVOICE,
                                              json_str(link, "invoice_id"));
    bool cancelled = row_is(invoice, "status_id", INVOICE_CANCELLED);
    move_invoice(sim, invoice, -cents);
    client_book(sim, client_of(sim, payment), cancelled ? 0 : cents, 0);
}

void
money_refund(struct sim *sim, struct json_object *payment, int64_t cents,
             struct json_object *invoices)
{
    for (size_t i = 0; invoices != NULL && i < json_object_array_length(invoices);
         i++) {
        struct json_object *one = json_object_array_get_idx(invoices, i);
        struct json_object *link = payment_link(payment, json_str(one, "invoice_id"));
        int64_t back = cents_of(one, "amount");
        set_cents(link, "refunded", cents_of(link, "refunded") + back);
        json_add_int(link, "updated_at", now_s(sim));
        unapply(sim, payment, link, back);
    }
    int64_t refunded = row_cents(payment, "refunded") + cents;
    row_set_cents(payment, "refunded", refunded);
    row_set(payment, "status_id",
            refunded == row_cents(payment, "amount") ? PAYMENT_REFUNDED
                                                     : PAYMENT_PARTIALLY_REFUNDED);
    row_stamp(sim, payment);
    client_book(sim, client_of(sim, payment), 0, -cents);
    hook_fire(sim, EVENT_UPDATE_PAYMENT, payment, false);
}

// Takes all that is still applied off the invoices.
static void
unapply_all(struct sim *sim, struct json_object *payment)
{
    struct json_object *link = NULL;
    for (size_t i = 0; (link = link_at(payment, i)) != NULL; i++) {
        if (json_int(link, "archived_at", 0) == 0)
            unapply(sim, payment, link,
                    cents_of(link, "amount") - cents_of(link, "refunded"));
    }
}

void
money_delete(struct sim *sim, struct json_object *payment)
{
    if (row_deleted(payment))
        return;
    bool failed = row_is(payment, "status_id", PAYMENT_FAILED);
    if (!failed)
        unapply_all(sim, payment);
    json_add_bool(row_view(payment), "is_deleted", true);
    json_add_int(row_view(payment), "archived_at", now_s(sim));
    row_stamp(sim, payment);
    if (!failed)
        client_book(sim, client_of(sim, payment), 0,
                    row_cents(payment, "refunded") - row_cents(payment, "amount"));
    hook_fire(sim, EVENT_DELETE_PAYMENT, payment, false);
}

void
money_complete(struct sim *sim, struct json_object *payment)
{
    row_set(payment, "status_id", PAYMENT_COMPLETED);
    row_stamp(sim, payment);
    hook_fire(sim, EVENT_UPDATE_PAYMENT, payment, false);
}

void
money_fail(struct sim *sim, struct json_object *payment)
{
    unapply_all(sim, payment);
    row_set(payment, "status_id", PAYMENT_FAILED);
    row_stamp(sim, payment);
    client_book(sim, client_of(sim, payment), 0, -row_cents(payment, "amount"));
    hook_fire(sim, EVENT_UPDATE_PAYMENT, payment, false);
}

// The next payment that is linked with the invoice, the first with *cursor new.
static struct json_object *
next_linked(struct json_object *row, struct json_object *invoice,
            struct store_cursor *cursor, struct json_object **link)
{
    for (; row != NULL; row = store_newer(cursor)) {
        *link = payment_link(row, row_text(invoice, "id"));
        if (*link != NULL)
            return row;
    }
    return NULL;
}

// What all payments gave the invoice, and what they are worth.
static void
sum_payments(struct sim *sim, struct json_object *invoice, int64_t *given,
             int64_t *worth)
{
    struct store_cursor cursor;
    struct json_object *link = NULL;
    struct json_object *row =
        row_first(sim, row_company(invoice), ENTITY_PAYMENT, &cursor);
    *given = 0;
    *worth = 0;
    while ((row = next_linked(row, invoice, &cursor, &link)) != NULL) {
        if (!row_deleted(row)) {
            *given += cents_of(link, "amount");
            *worth += row_cents(row, "amount");
        }
        row = store_newer(&cursor);
    }
}

// Payments that were for this invoice alone are deleted, others are lowered; both
// without a word to anybody.
void
money_drop_invoice(struct sim *sim, struct json_object *invoice)
{
    struct store_cursor cursor;
    struct json_object *link = NULL;
    int64_t given = 0;
    int64_t worth = 0;
    sum_payments(sim, invoice, &given, &worth);
    struct json_object *row =
        row_first(sim, row_company(invoice), ENTITY_PAYMENT, &cursor);
    while ((row = next_linked(row, invoice, &cursor, &link)) != NULL) {
        int64_t cents = cents_of(link, "amount");
        if (!row_deleted(row)) {
            json_add_int(link, "archived_at", now_s(sim));
            json_add_str(row, "dropped_with", row_text(invoice, "id"));
            json_add_bool(row_view(row), "is_deleted", given == worth);
            if (given == worth)
                json_add_int(row_view(row), "archived_at", now_s(sim));
            else
                row_set_cents(row, "amount", row_cents(row, "amount") - cents);
            if (given != worth)
                row_set_cents(row, "applied", row_cents(row, "applied") - cents);
            row_stamp(sim, row);
        }
        row = store_newer(&cursor);
    }
    client_book(sim, client_of(sim, invoice), 0, -given);
}

void
money_take_back(struct sim *sim, struct json_object *invoice)
{
    struct store_cursor cursor;
    struct json_object *link = NULL;
    int64_t given = 0;
    struct json_object *row =
        row_first(sim, row_company(invoice), ENTITY_PAYMENT, &cursor);
    while ((row = next_linked(row, invoice, &cursor, &link)) != NULL) {
        const char *with = json_str(row, "dropped_with");
        int64_t cents = cents_of(link, "amount");
        if (with != NULL && strcmp(with, row_text(invoice, "id")) == 0) {
            bool deleted = row_deleted(row);
            json_object_object_del(row, "dropped_with");
            json_add_int(link, "archived_at", 0);
            json_add_int(row_view(row), "archived_at", 0);
            json_add_bool(row_view(row), "is_deleted", false);
            if (!deleted) {
                row_set_cents(row, "amount", row_cents(row, "amount") + cents);
                row_set_cents(row, "applied", row_cents(row, "applied") + cents);
            }
            row_stamp(sim, row);
            given += cents;
        }
        row = store_newer(&cursor);
    }
    client_book(sim, client_of(sim, invoice), 0, given);
}
