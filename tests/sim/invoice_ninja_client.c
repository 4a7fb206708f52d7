#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "harness_json.h"
#include "invoice_ninja.h"

struct code {
    const char *code;
    const char *id;
};

static const struct code countries[] = {
    {"CH", "756"}, {"LI", "438"}, {"DE", "276"}, {"AT", "40"},
    {"FR", "250"}, {"IT", "380"}, {0},
};

static const struct code currencies[] = {
    {"CHF", "17"}, {"EUR", "3"}, {"USD", "1"}, {"GBP", "2"}, {0},
};

static const struct code languages[] = {
    {"en", "1"}, {"it", "2"}, {"de", "3"}, {"fr", "4"}, {"fr_CH", "40"}, {0},
};

static const char *
id_of_code(const struct code *table, const char *code)
{
    for (; code != NULL && table->code != NULL; table++) {
        if (strcasecmp(table->code, code) == 0)
            return table->id;
    }
    return NULL;
}

static void
fill_settings(struct json_object *view, struct json_object *body)
{
    struct json_object *settings = json_at(view, "settings");
    const char *currency = id_of_code(currencies, json_str(body, "currency_code"));
    const char *language = id_of_code(languages, json_str(body, "language_code"));
    json_add_str(settings, "entity", "App\\Models\\Client");
    if (currency != NULL)
        json_add_str(settings, "currency_id", currency);
    else if (!json_has(settings, "currency_id"))
        json_add_str(settings, "currency_id", "17");
    if (language != NULL)
        json_add_str(settings, "language_id", language);
    if (!json_is_object(body, "settings"))
        return;
    json_object_object_foreach(json_at(body, "settings"), key, value)
    {
        json_share(settings, key, value);
    }
}

static struct json_object *
contact_new(struct sim *sim, struct json_object *client, struct json_object *given)
{
    struct json_object *contact = row_part(PART_CONTACT, given);
    int64_t company = row_company(client);
    char counter[48];
    char hash[HASHID_BYTES];
    char key[KEY_BYTES];
    char link[400];
    snprintf(counter, sizeof counter, "contacts/%lld", (long long)company);
    int64_t id = store_next_id(sim_store(sim), counter, 1);
    hashid_encode(id, hash);
    random_key("contact", company, id, key);
    snprintf(link, sizeof link, "%.200s/client/key_login/%s", sim_public_url(sim), key);
    json_add_str(contact, "id", hash);
    json_add_str(contact, "contact_key", key);
    json_add_str(contact, "link", link);
    json_add_int(contact, "created_at", now_s(sim));
    json_add_int(contact, "updated_at", now_s(sim));
    return contact;
}

struct json_object *
client_contact(struct json_object *client, const char *hash)
{
    struct json_object *contacts = json_at(row_view(client), "contacts");
    for (size_t i = 0; hash != NULL && i < json_object_array_length(contacts); i++) {
        struct json_object *contact = json_object_array_get_idx(contacts, i);
        if (strcmp(json_str(contact, "id"), hash) == 0)
            return contact;
    }
    return NULL;
}

// Takes the contact's invitations off the client's invoices: their links are dead.
static void
uninvite(struct sim *sim, struct json_object *client)
{
    struct store_cursor cursor;
    struct json_object *row =
        row_first(sim, row_company(client), ENTITY_INVOICE, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (!row_is(row, "client_id", row_text(client, "id")))
            continue;
        struct json_object *old = json_at(row_view(row), "invitations");
        struct json_object *kept = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(old); i++) {
            struct json_object *one = json_object_array_get_idx(old, i);
            if (client_contact(client, json_str(one, "client_contact_id")) != NULL)
                json_object_array_add(kept, json_object_get(one));
        }
        json_add(row_view(row), "invitations", kept);
        row_touch(sim, row);
    }
}

// Contacts that are not in the list are destroyed.
static void
fill_contacts(struct sim *sim, struct json_object *client, struct json_object *given)
{
    struct json_object *contacts = json_object_new_array();
    for (size_t i = 0; given != NULL && i < json_object_array_length(given); i++) {
        struct json_object *wish = json_object_array_get_idx(given, i);
        struct json_object *old = client_contact(client, json_str(wish, "id"));
        if (old == NULL) {
            json_object_array_add(contacts, contact_new(sim, client, wish));
            continue;
        }
        row_part_fill(PART_CONTACT, old, wish);
        json_object_array_add(contacts, json_object_get(old));
    }
    // Nobody is without a contact.
    if (json_object_array_length(contacts) == 0)
        json_object_array_add(contacts, contact_new(sim, client, NULL));
    bool primary = false;
    for (size_t i = 0; i < json_object_array_length(contacts); i++)
        primary =
            primary
            || json_flag(json_object_array_get_idx(contacts, i), "is_primary", false);
    if (!primary)
        json_add_bool(json_object_array_get_idx(contacts, 0), "is_primary", true);
    json_add(row_view(client), "contacts", contacts);
    uninvite(sim, client);
}

static void
name_client(struct json_object *client)
{
    struct json_object *contact =
        json_object_array_get_idx(json_at(row_view(client), "contacts"), 0);
    const char *name = row_text(client, "name");
    char text[300];
    snprintf(text, sizeof text, "%.140s %.140s", json_str(contact, "first_name"),
             json_str(contact, "last_name"));
    if (*name == '\0')
        name = strlen(text) > 1 ? text : json_str(contact, "email");
    row_set(client, "display_name", name);
}

static void
fill_client(struct sim *sim, struct json_object *client, struct json_object *body)
{
    const char *country = id_of_code(countries, json_str(body, "country_code"));
    row_fill(client, body);
    if (country != NULL)
        row_set(client, "country_id", country);
    fill_settings(row_view(client), body);
    bool first = json_object_array_length(json_at(row_view(client), "contacts")) == 0;
    if (first || json_is_array(body, "contacts"))
        fill_contacts(sim, client,
                      json_is_array(body, "contacts") ? json_at(body, "contacts")
                                                      : NULL);
    name_client(client);
    row_stamp(sim, client);
}

struct json_object *
client_make(struct sim *sim, int64_t company, struct json_object *body)
{
    struct json_object *client = row_new(sim, company, ENTITY_CLIENT);
    char key[KEY_BYTES];
    random_key("client", company, json_int(client, "id", 0), key);
    row_set(client, "client_hash", key);
    fill_client(sim, client, body);
    if (row_is(client, "number", ""))
        row_number(sim, client);
    hook_fire(sim, EVENT_CREATE_CLIENT, client, true);
    return client;
}

static void
check_unique(struct sim *sim, int64_t company, struct json_object *client,
             struct json_object *body, struct json_object *errors)
{
    static const struct code fields[] = {
        {"id_number", "The id number has already been taken."},
        {"number", "The number has already been taken."},
        {0},
    };
    for (const struct code *field = fields; field->code != NULL; field++) {
        const char *wish = json_object_get_string(json_at(body, field->code));
        if (wish != NULL && *wish != '\0'
            && row_with(sim, company, ENTITY_CLIENT, field->code, wish, client) != NULL)
            problem(errors, field->code, field->id);
    }
}

static void
check_contacts(struct json_object *contacts, struct json_object *errors)
{
    for (size_t i = 0; i < json_object_array_length(contacts); i++) {
        const char *email = json_str(json_object_array_get_idx(contacts, i), "email");
        const char *at = email == NULL ? NULL : strchr(email, '@');
        char field[64];
        char text[100];
        if (email == NULL || *email == '\0'
            || (at != NULL && at != email && at[1] != '\0'
                && strpbrk(email, " \t") == NULL))
            continue;
        snprintf(field, sizeof field, "contacts.%zu.email", i);
        snprintf(text, sizeof text, "The %s must be a valid email address.", field);
        problem(errors, field, text);
    }
}

static bool
check(struct call *call, struct json_object *client)
{
    struct json_object *errors = json_object_new_object();
    row_check(ENTITY_CLIENT, call->body, errors);
    check_unique(call->sim, call->account, client, call->body, errors);
    if (json_is_array(call->body, "contacts"))
        check_contacts(json_at(call->body, "contacts"), errors);
    else if (json_at(call->body, "contacts") != NULL)
        problem(errors, "contacts", "The contacts must be an array.");
    return no_problem(call, errors);
}

void
client_create(struct call *call)
{
    if (!check(call, NULL))
        return;
    call_webhooks_inside(call);
    view_answer(call, client_make(call->sim, call->account, call->body));
}

void
client_update(struct call *call)
{
    struct json_object *client = row_to_edit(call, ENTITY_CLIENT);
    if (client == NULL || !check(call, client))
        return;
    call_webhooks_inside(call);
    fill_client(call->sim, client, call->body);
    hook_fire(call->sim, EVENT_UPDATE_CLIENT, client, false);
    view_answer(call, client);
}

void
client_show(struct call *call)
{
    struct json_object *client = row_of_call(call, ENTITY_CLIENT);
    if (client != NULL)
        view_answer(call, client);
}

static void
act(struct sim *sim, struct json_object *client, const char *action)
{
    struct json_object *view = row_view(client);
    bool restore = strcmp(action, "restore") == 0;
    bool delete = strcmp(action, "delete") == 0;
    json_add_int(view, "archived_at", restore ? 0 : now_s(sim));
    if (restore || delete)
        json_add_bool(view, "is_deleted", delete);
    row_stamp(sim, client);
    hook_fire(sim,
              restore  ? EVENT_RESTORE_CLIENT
              : delete ? EVENT_DELETE_CLIENT
                       : EVENT_ARCHIVE_CLIENT,
              client, false);
}

void
client_delete(struct call *call)
{
    struct json_object *client = row_of_call(call, ENTITY_CLIENT);
    if (client == NULL)
        return;
    call_webhooks_inside(call);
    act(call->sim, client, "delete");
    view_answer(call, client);
}

void
client_bulk(struct call *call)
{
    static const char *const actions[] = {"archive", "restore", "delete", NULL};
    struct json_object *rows = bulk_rows(call, ENTITY_CLIENT, actions);
    if (rows == NULL)
        return;
    call_webhooks_inside(call);
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        act(call->sim, json_object_array_get_idx(rows, i),
            json_str(call->body, "action"));
    bulk_answer(call, rows);
}

struct json_object *
client_of(struct sim *sim, struct json_object *row)
{
    return row_by_hash(sim, row_company(row), ENTITY_CLIENT,
                       row_text(row, "client_id"));
}

// What was paid and belongs to no invoice.
static int64_t
unapplied(struct sim *sim, struct json_object *client)
{
    int64_t sum = 0;
    struct store_cursor cursor;
    struct json_object *row =
        row_first(sim, row_company(client), ENTITY_PAYMENT, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (row_deleted(row) || !row_is(row, "client_id", row_text(client, "id")))
            continue;
        sum += payment_unapplied(row);
    }
    return sum;
}

void
client_book(struct sim *sim, struct json_object *client, int64_t balance_cents,
            int64_t paid_cents)
{
    row_set_cents(client, "balance", row_cents(client, "balance") + balance_cents);
    row_set_cents(client, "paid_to_date",
                  row_cents(client, "paid_to_date") + paid_cents);
    row_set_cents(client, "payment_balance", unapplied(sim, client));
    row_touch(sim, client);
}
