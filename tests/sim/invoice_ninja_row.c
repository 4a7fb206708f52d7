#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "harness_json.h"
#include "harness_time.h"
#include "invoice_ninja.h"
#include "invoice_ninja_members.h"

enum { COLLECTION_BYTES = 48, DAY_MS = 86400000 };

static const struct kind {
    const char *name;
    const char *collection;
    const struct member *members;
} kinds[] = {
    [ENTITY_CLIENT] = {"Client", "clients", client_members},
    [ENTITY_INVOICE] = {"Invoice", "invoices", invoice_members},
    [ENTITY_PAYMENT] = {"Payment", "payments", payment_members},
    [ENTITY_WEBHOOK] = {"Webhook", "webhooks", webhook_members},
};

static const struct member *const parts[] = {
    [PART_CONTACT] = contact_members,
    [PART_LINE] = line_members,
    [PART_INVITATION] = invitation_members,
    [PART_PAYMENTABLE] = paymentable_members,
};

const char *
entity_name(enum entity kind)
{
    return kinds[kind].name;
}

static const char *
collection_of(int64_t company, enum entity kind, char out[COLLECTION_BYTES])
{
    snprintf(out, COLLECTION_BYTES, "%s/%" PRId64, kinds[kind].collection, company);
    return out;
}

static struct json_object *
default_of(const struct member *member)
{
    const char *fallback = member->fallback == NULL ? "" : member->fallback;
    switch (member->kind) {
    case MEMBER_NUMBER:
        return json_object_new_double(strtod(fallback, NULL));
    case MEMBER_FLAG:
        return json_object_new_boolean(strcmp(fallback, "true") == 0);
    case MEMBER_MAP:
        return json_object_new_object();
    case MEMBER_LIST:
        return json_object_new_array();
    case MEMBER_TEXT:
        break;
    }
    return json_object_new_string(fallback);
}

static struct json_object *
defaults(const struct member *member)
{
    struct json_object *obj = json_object_new_object();
    for (; member->key != NULL; member++)
        json_add(obj, member->key, default_of(member));
    return obj;
}

// Markup that could end a script is written another way.
static struct json_object *
safe_text(const char *text)
{
    const char *found = strstr(text, "</sc");
    if (found == NULL)
        return json_object_new_string(text);
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    char *to = copy + (found - text);
    for (const char *from = found; *from != '\0';) {
        bool hit = strncmp(from, "</sc", 4) == 0;
        *to++ = *from;
        if (hit)
            *to++ = '-';
        from += hit ? 4 : 1;
    }
    *to = '\0';
    struct json_object *safe = json_object_new_string(copy);
    free(copy);
    return safe;
}

static bool
is_map(struct json_object *value)
{
    return json_object_is_type(value, json_type_object)
           || json_object_is_type(value, json_type_array);
}

// The value as the member stores it, or NULL if it is of the wrong kind.
static struct json_object *
converted(const struct member *member, struct json_object *value)
{
    double number = 0;
    switch (member->kind) {
    case MEMBER_NUMBER:
        return php_number(value, &number) ? json_object_new_double(number) : NULL;
    case MEMBER_FLAG:
        return json_object_new_boolean(php_true(value));
    case MEMBER_TEXT:
        return is_map(value) ? NULL : safe_text(json_object_get_string(value));
    case MEMBER_MAP:
    case MEMBER_LIST:
        break;
    }
    return is_map(value) ? json_clone(value) : NULL;
}

static void
wrong_kind(struct json_object *errors, const struct member *member)
{
    char text[120];
    snprintf(text, sizeof text, "The %s must be a %s.", member->key,
             member->kind == MEMBER_NUMBER ? "number" : "string");
    for (char *p = strchr(text, '_'); p != NULL; p = strchr(p, '_'))
        *p = ' ';
    if (errors != NULL)
        problem(errors, member->key, text);
}

static void
fill(const struct member *member, struct json_object *obj, struct json_object *given,
     struct json_object *errors)
{
    for (; member->key != NULL; member++) {
        struct json_object *value = json_at(given, member->key);
        if (!member->writable || !json_has(given, member->key))
            continue;
        value = value == NULL ? default_of(member) : converted(member, value);
        if (value == NULL)
            wrong_kind(errors, member);
        else
            json_add(obj, member->key, value);
    }
}

struct json_object *
row_part(enum part part, struct json_object *given)
{
    struct json_object *obj = defaults(parts[part]);
    row_part_fill(part, obj, given);
    return obj;
}

void
row_part_fill(enum part part, struct json_object *obj, struct json_object *given)
{
    fill(parts[part], obj, given, NULL);
}

struct json_object *
row_new(struct sim *sim, int64_t company, enum entity kind)
{
    char collection[COLLECTION_BYTES];
    char hash[HASHID_BYTES];
    collection_of(company, kind, collection);
    int64_t id = store_next_id(sim_store(sim), collection, 1);
    hashid_encode(id, hash);
    struct json_object *view = defaults(kinds[kind].members);
    json_add_str(view, "id", hash);
    json_add_int(view, "created_at", now_s(sim));
    json_add_int(view, "updated_at", now_s(sim));
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", id);
    json_add_int(row, "company", company);
    json_add_int(row, "kind", kind);
    json_add(row, "view", view);
    store_put(sim_store(sim), collection, id, row);
    return row;
}

void
row_fill(struct json_object *row, struct json_object *body)
{
    fill(kinds[row_kind(row)].members, row_view(row), body, NULL);
}

void
row_check(enum entity kind, struct json_object *body, struct json_object *errors)
{
    struct json_object *scratch = json_object_new_object();
    fill(kinds[kind].members, scratch, body, errors);
    json_object_put(scratch);
}

struct json_object *
row_get(struct sim *sim, int64_t company, enum entity kind, int64_t id)
{
    char collection[COLLECTION_BYTES];
    return store_get(sim_store(sim), collection_of(company, kind, collection), id);
}

struct json_object *
row_by_hash(struct sim *sim, int64_t company, enum entity kind, const char *hash)
{
    return row_get(sim, company, kind, hashid_decode(hash));
}

struct json_object *
row_first(struct sim *sim, int64_t company, enum entity kind,
          struct store_cursor *cursor)
{
    char collection[COLLECTION_BYTES];
    return store_oldest(sim_store(sim), collection_of(company, kind, collection),
                        cursor);
}

struct json_object *
row_with(struct sim *sim, int64_t company, enum entity kind, const char *key,
         const char *text, struct json_object *but)
{
    struct store_cursor cursor;
    struct json_object *row = row_first(sim, company, kind, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        const char *its = row_text(row, key);
        if (row != but && its != NULL && strcasecmp(its, text) == 0)
            return row;
    }
    return NULL;
}

struct json_object *
row_of_call(struct call *call, enum entity kind)
{
    char hash[64];
    snprintf(hash, sizeof hash, "%.*s", (int)strcspn(call->word, "/"), call->word);
    struct json_object *row = row_by_hash(call->sim, call->account, kind, hash);
    if (row == NULL)
        answer_bad_id(call, kind, hash);
    return row;
}

struct json_object *
row_to_edit(struct call *call, enum entity kind)
{
    struct json_object *row = row_of_call(call, kind);
    if (row == NULL || !row_deleted(row))
        return row;
    answer_message(call, 400,
                   "Record is deleted and cannot be edited. Restore the record to "
                   "enable editing");
    return NULL;
}

struct json_object *
row_view(struct json_object *row)
{
    return json_at(row, "view");
}

const char *
row_text(struct json_object *row, const char *key)
{
    return json_str(row_view(row), key);
}

bool
row_is(struct json_object *row, const char *key, const char *text)
{
    return strcmp(row_text(row, key), text) == 0;
}

bool
row_deleted(struct json_object *row)
{
    return json_flag(row_view(row), "is_deleted", false);
}

int64_t
row_company(struct json_object *row)
{
    return json_int(row, "company", 0);
}

enum entity
row_kind(struct json_object *row)
{
    return (enum entity)json_int(row, "kind", 0);
}

int64_t
cents_of(struct json_object *obj, const char *key)
{
    double number = 0;
    php_number(json_at(obj, key), &number);
    return llround(php_round(number) * 100);
}

int64_t
row_cents(struct json_object *row, const char *key)
{
    return cents_of(row_view(row), key);
}

void
row_set_cents(struct json_object *row, const char *key, int64_t cents)
{
    json_add(row_view(row), key, json_object_new_double((double)cents / 100));
}

void
row_set(struct json_object *row, const char *key, const char *text)
{
    json_add_str(row_view(row), key, text);
}

void
row_touch(struct sim *sim, struct json_object *row)
{
    char collection[COLLECTION_BYTES];
    collection_of(row_company(row), row_kind(row), collection);
    store_touch(sim_store(sim), collection, json_int(row, "id", 0));
}

void
row_stamp(struct sim *sim, struct json_object *row)
{
    json_add_int(row_view(row), "updated_at", now_s(sim));
    row_touch(sim, row);
}

void
row_number(struct sim *sim, struct json_object *row)
{
    char collection[COLLECTION_BYTES];
    char counter[COLLECTION_BYTES + 16];
    char number[24];
    collection_of(row_company(row), row_kind(row), collection);
    snprintf(counter, sizeof counter, "%s/number", collection);
    do {
        snprintf(number, sizeof number, "%04" PRId64,
                 store_next_id(sim_store(sim), counter, 1));
    } while (row_with(sim, row_company(row), row_kind(row), "number", number, row)
             != NULL);
    row_set(row, "number", number);
}

int64_t
now_s(struct sim *sim)
{
    return sim_now_ms(sim) / 1000;
}

static void
print_date(int64_t at_ms, char out[DATE_BYTES])
{
    char text[TIME_TEXT_BYTES];
    time_format(at_ms, text);
    snprintf(out, DATE_BYTES, "%.10s", text);
}

void
today(struct sim *sim, char out[DATE_BYTES])
{
    print_date(sim_now_ms(sim), out);
}

void
date_after(const char *date, int64_t days, char out[DATE_BYTES])
{
    int64_t at_ms = 0;
    if (time_parse(date, &at_ms))
        print_date(at_ms + days * DAY_MS, out);
    else
        snprintf(out, DATE_BYTES, "%.10s", date);
}

bool
is_date(const char *text)
{
    int64_t at_ms = 0;
    return strlen(text) == 10 && time_parse(text, &at_ms);
}

static uint64_t
hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash;
}

void
random_key(const char *what, int64_t company, int64_t id, char out[KEY_BYTES])
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint64_t state =
        hash_text(what) + (uint64_t)company * 1000003 + (uint64_t)id * 7919;
    for (int i = 0; i < KEY_BYTES - 1; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        out[i] = letters[(state >> 33) % (sizeof letters - 1)];
    }
    out[KEY_BYTES - 1] = '\0';
}

static bool
remember(struct sim *sim, const char *text, int64_t until_ms)
{
    int64_t id = (int64_t)(hash_text(text) >> 1);
    struct json_object *row = store_get(sim_store(sim), "guards", id);
    if (row != NULL && json_int(row, "until_ms", 0) > sim_now_ms(sim))
        return true;
    row = json_object_new_object();
    json_add_int(row, "until_ms", until_ms);
    store_put(sim_store(sim), "guards", id, row);
    return false;
}

bool
guard_taken(struct sim *sim, const char *text)
{
    return remember(sim, text, sim_now_ms(sim) + sim_setting_int(sim, "guard_ms"));
}

bool
guard_seen(struct sim *sim, const char *text)
{
    return remember(sim, text, INT64_MAX);
}
