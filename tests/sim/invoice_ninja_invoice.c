#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_pdf.h"
#include "invoice_ninja.h"

static struct json_object *
line_new(struct json_object *given)
{
    struct json_object *line = row_part(PART_LINE, given);
    // Services are taxed as services unless told.
    if (json_at(given, "tax_id") == NULL && strcmp(json_str(line, "type_id"), "2") == 0)
        json_add_str(line, "tax_id", "2");
    return line;
}

static void
fill_lines(struct json_object *invoice, struct json_object *given)
{
    struct json_object *lines = json_object_new_array();
    if (json_object_is_type(given, json_type_object)) {
        json_object_object_foreach(given, key, value)
        {
            (void)key;
            json_object_array_add(lines, line_new(value));
        }
    }
    for (size_t i = 0; json_object_is_type(given, json_type_array)
                       && i < json_object_array_length(given);
         i++)
        json_object_array_add(lines, line_new(json_object_array_get_idx(given, i)));
    json_add(row_view(invoice), "line_items", lines);
    json_object_object_del(invoice, "gap");
}

static struct json_object *
invitation_new(struct sim *sim, struct json_object *invoice, const char *contact)
{
    int64_t company = row_company(invoice);
    struct json_object *invitation = row_part(PART_INVITATION, NULL);
    char counter[48];
    char hash[HASHID_BYTES];
    char key[KEY_BYTES];
    char link[400];
    snprintf(counter, sizeof counter, "invitations/%lld", (long long)company);
    int64_t id = store_next_id(sim_store(sim), counter, 1);
    hashid_encode(id, hash);
    random_key("invitation", company, id, key);
    snprintf(link, sizeof link, "%.200s/client/invoice/%s", sim_public_url(sim), key);
    json_add_str(invitation, "id", hash);
    json_add_str(invitation, "client_contact_id", contact);
    json_add_str(invitation, "key", key);
    json_add_str(invitation, "link", link);
    json_add_int(invitation, "created_at", now_s(sim));
    json_add_int(invitation, "updated_at", now_s(sim));
    return invitation;
}

// The contacts that are to be invited: the wished ones of this client, else all that
// take mail, else the first.
static struct json_object *
invited(struct json_object *client, struct json_object *wish)
{
    struct json_object *contacts = json_at(row_view(client), "contacts");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; wish != NULL && i < json_object_array_length(wish); i++) {
        const char *id =
            json_str(json_object_array_get_idx(wish, i), "client_contact_id");
        if (client_contact(client, id) != NULL)
            json_push_str(list, id);
    }
    bool given = json_object_array_length(list) > 0;
    for (size_t i = 0; !given && i < json_object_array_length(contacts); i++) {
        struct json_object *contact = json_object_array_get_idx(contacts, i);
        if (json_flag(contact, "send_email", true))
            json_push_str(list, json_str(contact, "id"));
    }
    if (json_object_array_length(list) == 0)
        json_push_str(list, json_str(json_object_array_get_idx(contacts, 0), "id"));
    return list;
}

static struct json_object *
invitation_for(struct json_object *invoice, const char *contact)
{
    struct json_object *list = json_at(row_view(invoice), "invitations");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (strcmp(json_str(one, "client_contact_id"), contact) == 0)
            return one;
    }
    return NULL;
}

// Invitations that are there keep their keys.
static void
fill_invitations(struct sim *sim, struct json_object *client,
                 struct json_object *invoice, struct json_object *wish)
{
    struct json_object *contacts = invited(client, wish);
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(contacts); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(contacts, i));
        struct json_object *old = invitation_for(invoice, id);
        json_object_array_add(list, old == NULL ? invitation_new(sim, invoice, id)
                                                : json_object_get(old));
    }
    json_add(row_view(invoice), "invitations", list);
    json_object_put(contacts);
}

// A deposit needs a day on which the rest is due.
static void
fill_due_date(struct json_object *client, struct json_object *invoice)
{
    const char *partial = row_text(invoice, "partial_due_date");
    int64_t days = json_int(json_at(row_view(client), "settings"), "payment_terms", 30);
    char date[DATE_BYTES];
    if (*partial == '\0' || !row_is(invoice, "due_date", ""))
        return;
    date_after(row_text(invoice, "date"), days, date);
    if (strcmp(date, partial) <= 0)
        date_after(partial, 1, date);
    row_set(invoice, "due_date", date);
}

static void
fill_invoice(struct sim *sim, struct json_object *client, struct json_object *invoice,
             struct json_object *body)
{
    bool first =
        json_object_array_length(json_at(row_view(invoice), "invitations")) == 0;
    row_fill(invoice, body);
    if (row_is(invoice, "date", "")) {
        char date[DATE_BYTES];
        today(sim, date);
        row_set(invoice, "date", date);
    }
    if (json_at(body, "line_items") != NULL)
        fill_lines(invoice, json_at(body, "line_items"));
    if (first || json_is_array(body, "invitations"))
        fill_invitations(
            sim, client, invoice,
            json_is_array(body, "invitations") ? json_at(body, "invitations") : NULL);
    fill_due_date(client, invoice);
    total_compute(invoice);
    if (row_is(invoice, "number", ""))
        row_number(sim, invoice);
    row_stamp(sim, invoice);
}

struct json_object *
invoice_make(struct sim *sim, struct json_object *client, struct json_object *body)
{
    struct json_object *invoice = row_new(sim, row_company(client), ENTITY_INVOICE);
    row_set(invoice, "client_id", row_text(client, "id"));
    fill_invoice(sim, client, invoice, body);
    // The client's own notes win, but only now.
    if (!row_is(client, "public_notes", ""))
        row_set(invoice, "public_notes", row_text(client, "public_notes"));
    hook_fire(sim, EVENT_CREATE_INVOICE, invoice, false);
    return invoice;
}

void
invoice_change(struct sim *sim, struct json_object *invoice, struct json_object *body)
{
    struct json_object *client = client_of(sim, invoice);
    int64_t before = row_cents(invoice, "balance");
    fill_invoice(sim, client, invoice, body);
    int64_t balance = row_cents(invoice, "balance");
    if (row_is(invoice, "status_id", INVOICE_PARTIAL)
        || row_is(invoice, "status_id", INVOICE_PAID))
        row_set(invoice, "status_id", balance == 0 ? INVOICE_PAID : INVOICE_PARTIAL);
    if (!row_is(invoice, "status_id", INVOICE_DRAFT))
        client_book(sim, client, balance - before, 0);
    hook_fire(sim, EVENT_UPDATE_INVOICE, invoice, false);
}

bool
invoice_locked(struct sim *sim, struct json_object *invoice)
{
    const char *lock =
        json_str(company_get(sim, row_company(invoice)), "lock_invoices");
    char now[DATE_BYTES];
    today(sim, now);
    if (strcmp(lock, "when_sent") == 0)
        return !row_is(invoice, "status_id", INVOICE_DRAFT);
    if (strcmp(lock, "when_paid") == 0)
        return row_is(invoice, "status_id", INVOICE_PAID);
    if (strcmp(lock, "end_of_month") == 0)
        return strncmp(row_text(invoice, "date"), now, 7) < 0;
    return false;
}

static void
answer_locked(struct call *call)
{
    struct json_object *errors = json_object_new_object();
    json_add_str(errors, "number", "This invoice is locked and unable to be modified");
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "message", "");
    json_add(reply, "errors", errors);
    call_answer(call, 422, reply);
}

// The server takes its time for another invoice of the same client.
static bool
slowed_down(struct call *call)
{
    char text[120];
    const char *client = json_str(call->body, "client_id");
    int64_t ms = sim_setting_int(call->sim, "create_delay_ms");
    if (call->waited || ms <= 0)
        return false;
    snprintf(text, sizeof text, "invoice|%.40s|%d", client == NULL ? "" : client,
             call->account);
    if (!guard_seen(call->sim, text))
        return false;
    call_wait(call, ms, NULL);
    return true;
}

void
invoice_create(struct call *call)
{
    struct json_object *errors = json_object_new_object();
    if (slowed_down(call)) {
        json_object_put(errors);
        return;
    }
    invoice_check(call, NULL, errors);
    if (!no_problem(call, errors))
        return;
    struct json_object *client = row_by_hash(call->sim, call->account, ENTITY_CLIENT,
                                             json_str(call->body, "client_id"));
    call_webhooks_inside(call);
    struct json_object *invoice = invoice_make(call->sim, client, call->body);
    action_triggers(call, invoice);
    view_answer(call, invoice);
}

void
invoice_update(struct call *call)
{
    struct json_object *invoice = row_to_edit(call, ENTITY_INVOICE);
    if (invoice == NULL)
        return;
    if (invoice_locked(call->sim, invoice)) {
        answer_locked(call);
        return;
    }
    struct json_object *errors = json_object_new_object();
    invoice_check(call, invoice, errors);
    if (!no_problem(call, errors))
        return;
    call_webhooks_inside(call);
    invoice_change(call->sim, invoice, call->body);
    action_triggers(call, invoice);
    view_answer(call, invoice);
}

void
invoice_show(struct call *call)
{
    struct json_object *invoice = row_of_call(call, ENTITY_INVOICE);
    if (invoice != NULL)
        view_answer(call, invoice);
}

void
invoice_delete(struct call *call)
{
    struct json_object *invoice = row_of_call(call, ENTITY_INVOICE);
    if (invoice == NULL)
        return;
    call_webhooks_inside(call);
    action_delete(call->sim, invoice);
    view_answer(call, invoice);
}

static void
answer_pdf(struct call *call, struct json_object *invoice)
{
    char amount[64];
    char disposition[200];
    const char *number = row_text(invoice, "number");
    snprintf(amount, sizeof amount, "CHF %.2f",
             (double)row_cents(invoice, "amount") / 100);
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%.120s.pdf\"",
             number);
    const char *lines[] = {"Invoice", number, amount};
    size_t bytes = 0;
    char *pdf = pdf_make(lines, 3, &bytes);
    call_add_header(call, "Content-Disposition", disposition);
    call_bytes(call, 200, "application/pdf", pdf, bytes);
    free(pdf);
}

void
invoice_download(struct call *call)
{
    struct json_object *invoice = row_of_call(call, ENTITY_INVOICE);
    if (invoice != NULL)
        answer_pdf(call, invoice);
}

void
invoice_download_by_key(struct call *call)
{
    struct json_object *invitation = NULL;
    struct json_object *invoice =
        invoice_by_key(call->sim, call->account, call->word, &invitation);
    if (invoice == NULL)
        answer_message(call, 400, "no record found");
    else
        answer_pdf(call, invoice);
}

struct json_object *
invoice_by_number(struct sim *sim, int64_t company, const char *number)
{
    return number == NULL
               ? NULL
               : row_with(sim, company, ENTITY_INVOICE, "number", number, NULL);
}

struct json_object *
invoice_by_key(struct sim *sim, int64_t company, const char *key,
               struct json_object **invitation)
{
    struct store_cursor cursor;
    struct json_object *row = row_first(sim, company, ENTITY_INVOICE, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *list = json_at(row_view(row), "invitations");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
            *invitation = json_object_array_get_idx(list, i);
            if (strcmp(json_str(*invitation, "key"), key) == 0)
                return row;
        }
    }
    *invitation = NULL;
    return NULL;
}
