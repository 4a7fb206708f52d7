#include "workers/invoice_ninja/client.h"

#include <string.h>
#include <strings.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/webhook.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/contact.h"
#include "workers/invoice_ninja/ninja.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct search {
    const struct ninja *ninja;
    const struct ninja_party *party;
    struct json_object *client; // as it was found or made in this attempt, or NULL
};

const char *
ninja_lane(struct job *job, const char *company, const char *party)
{
    return job_printf(job, "%s:%s", company, party);
}

bool
ninja_party_read(struct job *job, const char *company, struct json_object *row,
                 struct ninja_party *party)
{
    struct json_object *firm = json_at(row, "company_id");
    struct json_object *contact = json_at(row, "contact_id");
    struct json_object *billed = firm != NULL ? firm : contact;
    const char *id = json_string_or(billed, "id", NULL);
    if (id == NULL) {
        error_permanent(&job->error, "nobody to bill: neither company_id nor "
                                     "contact_id is set, or their row is gone");
        job->error.hint = "name the company or the contact, then replay";
        return false;
    }
    const char *currency = json_string_or(row, "currency", "CHF");
    if (strlen(currency) != 3 || strspn(currency, LETTERS) != 3)
        return error_permanent(&job->error,
                               "currency must be three letters, such as CHF, not "
                               "\"%.20s\"",
                               currency);
    *party = (struct ninja_party){
        .company = company,
        .id = id,
        .collection = firm != NULL ? "companies" : "people",
        .lane = ninja_lane(job, company, id),
        .currency = currency,
        .firm = firm,
        .contact = contact,
    };
    return true;
}

// ---- what Invoice Ninja is told of a party

static const char *
full_name(struct job *job, struct json_object *contact)
{
    const char *first = json_string_or(contact, "first_name", "");
    const char *last = json_string_or(contact, "last_name", "");
    const char *gap = first[0] != '\0' && last[0] != '\0' ? " " : "";
    return job_printf(job, "%s%s%s", first, gap, last);
}

// As Invoice Ninja names languages: "fr", "fr_CH". "fr-CH", "de_CH" and "DE" are what
// people write. NULL: it is left to Invoice Ninja.
static const char *
language_of(struct job *job, struct json_object *contact)
{
    const char *code = webhook_lower(job, json_string_or(contact, "language", ""));
    if (strcmp(code, "fr-ch") == 0 || strcmp(code, "fr_ch") == 0)
        return "fr_CH";
    bool is_code = strspn(code, LETTERS) == 2 && strchr("-_", code[2]) != NULL;
    return is_code ? job_printf(job, "%.2s", code) : NULL;
}

// Members that may be empty and are then left to Invoice Ninja.
static void
set_if(struct json_object *body, const char *name, struct json_object *row,
       const char *field)
{
    const char *value = json_string_or(row, field, "");
    if (value[0] != '\0')
        json_set_string(body, name, value);
}

static struct json_object *
body_of(struct job *job, const struct ninja_party *party)
{
    struct json_object *body = json_object_in(job);
    struct json_object *firm = party->firm;
    const char *name = firm != NULL ? json_string_or(firm, "name", "")
                                    : full_name(job, party->contact);
    json_set_string(body, "name", name[0] != '\0' ? name : ninja_contact_email(party));
    json_set_string(body, "id_number", party->id);
    json_set_string(body, "custom_value1", job_printf(job, "directus:%s", party->id));
    json_set_string(body, "classification", firm != NULL ? "company" : "individual");
    json_set_string(body, "currency_code", party->currency);
    set_if(body, "vat_number", firm, "vat_number");
    set_if(body, "address1", firm, "address");
    set_if(body, "postal_code", firm, "postal_code");
    set_if(body, "city", firm, "city");
    set_if(body, "country_code", firm, "country");
    set_if(body, "phone", firm, "phone");
    const char *language = language_of(job, party->contact);
    if (language != NULL)
        json_set_string(body, "language_code", language);
    struct json_object *contacts = json_array_in(job);
    struct json_object *contact = ninja_contact_body(job, party);
    json_set_bool(contact, "is_primary", true);
    json_add(contacts, contact);
    json_set(body, "contacts", contacts);
    return body;
}

// ---- looking for it

static bool
is_live(struct json_object *client)
{
    return !json_bool_or(client, "is_deleted", false)
           && json_i64_or(client, "archived_at", 0) == 0;
}

static struct json_object *
list_by(struct job *job, const struct search *search, const char *name,
        const char *value)
{
    const struct http_header query[] = {{name, value}, {"per_page", "100"}, {NULL}};
    return ninja_list(job, search->ninja,
                      &(struct ninja_call){.company = search->party->company,
                                           .method = "GET",
                                           .path = "/clients",
                                           .query = query});
}

static bool
restore(struct job *job, const struct search *search, const char *id)
{
    struct json_object *body = json_object_in(job);
    struct json_object *ids = json_array_in(job);
    json_add_string(ids, id);
    json_set_string(body, "action", "restore");
    json_set(body, "ids", ids);
    settlement_note(job, "restored client %s, which was archived or deleted", id);
    return ninja_ask(job, search->ninja,
                     &(struct ninja_call){.company = search->party->company,
                                          .method = "POST",
                                          .path = "/clients/bulk",
                                          .body = body})
           != NULL;
}

// By id_number: at most one has it. *client stays NULL where there is none.
static bool
find_by_id_number(struct job *job, const struct search *search,
                  struct json_object **client)
{
    const char *uuid = search->party->id;
    struct json_object *rows = list_by(job, search, "id_number", uuid);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (strcmp(json_string_or(row, "id_number", ""), uuid) != 0)
            continue;
        if (!is_live(row) && !restore(job, search, json_text_or(row, "id", "")))
            return false;
        *client = row;
        return true;
    }
    return true;
}

// A client that people made by hand before: the only live one with the party's address,
// and nobody else's. It becomes the party's.
static bool
adopt_by_email(struct job *job, const struct search *search,
               struct json_object **client)
{
    const char *email = ninja_contact_email(search->party);
    if (email[0] == '\0')
        return true;
    struct json_object *rows = list_by(job, search, "email", email);
    if (rows == NULL)
        return false;
    struct json_object *only = NULL;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (is_live(row) && only != NULL)
            return true;
        if (is_live(row))
            only = row;
    }
    if (only == NULL || json_string_or(only, "id_number", "")[0] != '\0')
        return true;
    struct json_object *body = json_object_in(job);
    json_set_string(body, "id_number", search->party->id);
    settlement_note(job, "client %s was made by hand: it becomes the party's",
                    json_text_or(only, "id", ""));
    *client = ninja_ask(
        job, search->ninja,
        &(struct ninja_call){
            .company = search->party->company,
            .method = "PUT",
            .path = job_printf(job, "/clients/%s",
                               http_escape(job, json_text_or(only, "id", ""))),
            .body = body});
    return *client != NULL;
}

// ---- its currency, in which all its invoices are

// Invoice Ninja's numbers of those that are billed here.
static const struct {
    const char *id, *code;
} currencies[] = {{"1", "USD"}, {"2", "GBP"}, {"3", "EUR"}, {"17", "CHF"}, {NULL}};

static bool
is_listed(const char *code)
{
    size_t i = 0;
    while (currencies[i].id != NULL && strcasecmp(currencies[i].code, code) != 0)
        i++;
    return currencies[i].id != NULL;
}

// The client's, as far as it tells: "#9" for a number that is not listed; without one
// it has its company's, which is taken to be the party's.
static const char *
currency_of(struct job *job, const struct search *search, struct json_object *client)
{
    const char *id = json_text_or(client, "settings.currency_id", "");
    if (id[0] == '\0')
        return search->party->currency;
    for (size_t i = 0; currencies[i].id != NULL; i++)
        if (strcmp(currencies[i].id, id) == 0)
            return currencies[i].code;
    return job_printf(job, "#%s", id);
}

// An amount would be billed as if it were in the client's.
static bool
is_billed_in(struct job *job, const struct ninja_party *party, const char *currency)
{
    bool same = currency[0] == '#' ? !is_listed(party->currency)
                                   : strcasecmp(currency, party->currency) == 0;
    if (same)
        return true;
    error_permanent(&job->error,
                    "currency is %.10s, and client %s is billed in %.10s in Invoice "
                    "Ninja",
                    party->currency, party->lane, currency);
    job->error.http_status = 409;
    job->error.hint =
        "a client of Invoice Ninja has one currency: bill another company "
        "or contact, or change the client's there and relais effect "
        "resolve invoice-ninja.client <company>:<party> not-done; then "
        "replay";
    return false;
}

// ---- the effect

static struct json_object *
result_of(struct job *job, const struct search *search, struct json_object *client)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "client_id", json_text_or(client, "id", ""));
    json_set_string(result, "currency", currency_of(job, search, client));
    return result;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    struct search *search = ctx;
    struct json_object *alive = json_array_in(job);
    (void)identity;
    if (!find_by_id_number(job, search, &search->client))
        return false;
    if (search->client != NULL)
        json_add(alive, result_of(job, search, search->client));
    *found = alive;
    return true;
}

// Somebody may have given the id_number to a client since it was looked for.
static bool
make(struct job *job, const struct search *search, struct json_object **client)
{
    *client = ninja_ask(job, search->ninja,
                        &(struct ninja_call){.company = search->party->company,
                                             .method = "POST",
                                             .path = "/clients",
                                             .body = body_of(job, search->party),
                                             .once = true});
    if (*client != NULL || !ninja_refused_for(job, "id number has already been taken"))
        return *client != NULL;
    struct error refusal = job->error;
    error_clear(&job->error);
    if (!find_by_id_number(job, search, client))
        return false;
    if (*client == NULL)
        job->error = refusal;
    return *client != NULL;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct search *search = ctx;
    struct json_object *client = NULL;
    (void)identity;
    if (!find_by_id_number(job, search, &client)
        || (client == NULL && !adopt_by_email(job, search, &client)))
        return NULL;
    if (client == NULL && !make(job, search, &client))
        return NULL;
    search->client = client;
    return result_of(job, search, client);
}

// id_number is unique, so that there is never a surplus.
static const struct effect_kind client_made = {
    .name = "invoice-ninja.client",
    .find = find,
    .create = create,
};

static void
keep_reference(struct job *job, const struct ninja_party *party, const char *id)
{
    settlement_ref(job, &(struct settle_ref){.system = "invoice-ninja",
                                             .company = party->company,
                                             .collection = party->collection,
                                             .local_id = party->id,
                                             .remote_type = "client",
                                             .remote_id = id,
                                             .lane_key = party->lane});
}

bool
ninja_client_of(struct job *job, const struct ninja *ninja,
                const struct ninja_party *party, struct ninja_client *client)
{
    struct search search = {.ninja = ninja, .party = party};
    struct json_object *result = effect_once(job, &client_made, party->lane, &search);
    if (result == NULL)
        return false;
    client->id = json_string(job, result, "client_id");
    if (client->id == NULL) {
        job->error.hint = "relais effect resolve invoice-ninja.client <identity> "
                          "not-done, then replay";
        return false;
    }
    if (!is_billed_in(job, party, json_string_or(result, "currency", party->currency)))
        return false;
    keep_reference(job, party, client->id);
    client->contact = ninja_contact_of(job, ninja, party, client->id, search.client);
    return client->contact != NULL;
}

void
ninja_client_bill(struct job *job, const struct ninja_client *client,
                  struct json_object *body)
{
    struct json_object *invitations = json_array_in(job);
    struct json_object *invitation = json_object_in(job);
    json_set_string(invitation, "client_contact_id", client->contact);
    json_add(invitations, invitation);
    json_set_string(body, "client_id", client->id);
    json_set(body, "invitations", invitations);
}
