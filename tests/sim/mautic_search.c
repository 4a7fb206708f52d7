// GET contacts: where, search, order and paging; GET contacts/{id}.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

static const char *
time_column(struct json_object *contact, const char *key, char *room, size_t bytes)
{
    int64_t at_ms = json_int(contact, key, 0);
    if (at_ms == 0 || bytes < SQL_TIME_BYTES)
        return NULL;
    text_sql_time(at_ms, room);
    return room;
}

static const char *
column(void *row, const char *name, char *room, size_t bytes)
{
    static const char *const times[][2] = {{"date_added", "added_ms"},
                                           {"date_modified", "modified_ms"},
                                           {"date_identified", "identified_ms"}};
    static const char *const numbers[][2] = {
        {"id", "id"}, {"points", "points"}, {"owner_id", "owner"}};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, times[i][0]) == 0)
            return time_column(row, times[i][1], room, bytes);
        if (strcmp(name, numbers[i][0]) != 0)
            continue;
        snprintf(room, bytes, "%" PRId64, json_int(row, numbers[i][1], 0));
        return room;
    }
    if (strcmp(name, "is_published") == 0)
        return "1";
    return contact_text(row, name);
}

static bool
has_tag(struct sim *sim, struct json_object *contact, const char *pattern)
{
    struct json_object *ids = json_at(contact, "tags");
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(ids, i));
        struct json_object *tag = store_get(sim_store(sim), "tags", id);
        if (text_like(json_str(tag, "tag"), pattern))
            return true;
    }
    return false;
}

static bool
in_segment(struct sim *sim, struct json_object *contact, const char *alias)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "segments", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (text_equal(json_str(row, "alias"), alias))
            return segment_member(contact, json_int(row, "id", 0)) != NULL;
    }
    return false;
}

static bool
in_ids(struct json_object *contact, const char *list)
{
    for (const char *p = list; *p != '\0'; p += strcspn(p, ",")) {
        p += *p == ',' ? 1 : 0;
        if (strtoll(p, NULL, 10) == json_int(contact, "id", 0))
            return true;
    }
    return false;
}

static bool
in_campaign(struct json_object *contact, const char *id)
{
    struct json_object *member = campaign_member(contact, strtoll(id, NULL, 10));
    return member != NULL && !json_flag(member, "removed", false);
}

// A text field is like the value; a plus before the value asks for it as it stands.
static bool
field_like(struct json_object *contact, const char *alias, const char *value)
{
    const char *text = contact_text(contact, alias);
    char *pattern = NULL;
    bool exact = *value == '+';
    if (asprintf(&pattern, exact ? "%s" : "%s%%", value + exact) < 0)
        abort();
    bool found = text != NULL && text_like(text, pattern);
    free(pattern);
    return found;
}

static bool
any_like(struct json_object *contact, const char *word)
{
    static const char *const aliases[] = {"firstname", "lastname", "email", "company",
                                          NULL};
    char *pattern = NULL;
    bool found = false;
    if (asprintf(&pattern, "%%%s%%", word) < 0)
        abort();
    for (const char *const *alias = aliases; *alias != NULL; alias++) {
        const char *text = contact_text(contact, *alias);
        found = found || (text != NULL && text_like(text, pattern));
    }
    free(pattern);
    return found;
}

static bool
is_command(const char *text, const char *name)
{
    return strncmp(text, name, strlen(name)) == 0;
}

// Judges one word of the search, as "email:x". A command without a value, which is what
// a blank behind the colon makes of it, holds for everybody.
static bool
word_holds(struct sim *sim, struct json_object *contact, const char *word)
{
    const char *colon = strchr(word, ':');
    if (colon == NULL)
        return any_like(contact, word);
    const char *value = colon + 1;
    if (*value == '\0')
        return true;
    if (is_command(word, "email:") || is_command(word, "company:"))
        return field_like(contact, *word == 'e' ? "email" : "company", value);
    if (is_command(word, "name:"))
        return field_like(contact, "firstname", value)
               || field_like(contact, "lastname", value);
    if (is_command(word, "segment:"))
        return in_segment(sim, contact, value);
    if (is_command(word, "tag:"))
        return has_tag(sim, contact, value);
    if (is_command(word, "ids:"))
        return in_ids(contact, value);
    if (is_command(word, "campaign:") && mautic_since(sim, 7, 0))
        return in_campaign(contact, value);
    if (is_command(word, "is:anonymous"))
        return json_int(contact, "identified_ms", 0) == 0;
    return any_like(contact, word);
}

static bool
search_holds(struct call *call, struct json_object *contact)
{
    const char *search = call_query(call, "search");
    char word[300];
    bool command = false;
    while (search != NULL && *search != '\0') {
        bool quoted = *search == '"';
        size_t bytes = strcspn(search + quoted, quoted ? "\"" : " ");
        snprintf(word, sizeof word, "%.*s", (int)bytes, search + quoted);
        // What stands alone behind a command without a value is lost.
        bool lost = command && strchr(word, ':') == NULL;
        if (!lost && !word_holds(call->sim, contact, word))
            return false;
        command = bytes > 0 && word[strlen(word) - 1] == ':';
        search += bytes + 2 * (size_t)quoted;
        search += strspn(search, " ");
    }
    return true;
}

struct order {
    const char *column;
    bool down;
};

static int
by_order(const void *a, const void *b, void *arg)
{
    const struct order *order = arg;
    struct json_object *one = *(struct json_object *const *)a;
    struct json_object *two = *(struct json_object *const *)b;
    char room_one[64];
    char room_two[64];
    const char *text_one = column(one, order->column, room_one, sizeof room_one);
    const char *text_two = column(two, order->column, room_two, sizeof room_two);
    int64_t id_one = json_int(one, "id", 0);
    int64_t id_two = json_int(two, "id", 0);
    int result = 0;
    if (strcmp(order->column, "id") != 0 && strcmp(order->column, "points") != 0)
        result = strcmp(text_one == NULL ? "" : text_one, text_two ? text_two : "");
    else if (strcmp(order->column, "points") == 0)
        result = (contact_points(one) > contact_points(two))
                 - (contact_points(one) < contact_points(two));
    if (result == 0)
        result = (id_one > id_two) - (id_one < id_two);
    return order->down ? -result : result;
}

static struct order
order_of(struct call *call)
{
    const char *by = call_query(call, "orderBy");
    const char *direction = call_query(call, "orderByDir");
    if (by == NULL) {
        by = call_query(call, "order[0][col]");
        direction = call_query(call, "order[0][dir]");
    }
    // Unless told: the last active first.
    if (by == NULL)
        return (struct order){.column = "last_active", .down = true};
    bool down = direction != NULL && (*direction == 'd' || *direction == 'D');
    return (struct order){.column = by, .down = down};
}

// The contacts that the query asks for, in order; NULL if its where is bad.
static struct json_object **
found_contacts(struct call *call, size_t *count)
{
    struct store *store = sim_store(call->sim);
    size_t room = (size_t)store_count(store, "contacts") + 1;
    struct json_object **found = calloc(room, sizeof *found);
    struct store_cursor cursor;
    struct json_object *row = store_oldest(store, "contacts", &cursor);
    if (found == NULL)
        abort();
    *count = 0;
    for (; row != NULL; row = store_newer(&cursor)) {
        enum where_result result = where_match(call, column, row);
        if (result == WHERE_BAD) {
            free(found);
            return NULL;
        }
        if (result == WHERE_YES && search_holds(call, row))
            found[(*count)++] = row;
    }
    struct order order = order_of(call);
    qsort_r(found, *count, sizeof *found, by_order, &order);
    return found;
}

void
contact_index(struct call *call)
{
    size_t count = 0;
    struct json_object **found = found_contacts(call, &count);
    const char *minimal = call_query(call, "minimal");
    bool small = minimal != NULL && strcmp(minimal, "0") != 0;
    struct page page = page_of(call, 30);
    if (found == NULL) {
        mautic_refuse(call, 500);
        return;
    }
    struct json_object *map = json_object_new_object();
    for (int64_t i = page.start; i < (int64_t)count && i < page.start + page.limit;
         i++) {
        char key[24];
        snprintf(key, sizeof key, "%" PRId64, json_int(found[i], "id", 0));
        json_add(map, key,
                 small ? contact_view_lead(call->sim, found[i], VIEW_ALL)
                       : contact_view(call->sim, found[i], VIEW_ALL));
    }
    free(found);
    struct json_object *reply = json_object_new_object();
    json_add_digits(reply, "total", (int64_t)count);
    json_add(reply, "contacts", map);
    call_answer(call, 200, reply);
}

// Whoever was merged into another is shown as that other.
void
contact_show(struct call *call)
{
    struct json_object *contact = contact_get(call->sim, call->ids[0]);
    int64_t id = call->ids[0];
    while (contact == NULL && id > 0) {
        id = json_int(store_get(sim_store(call->sim), "graves", id), "winner", 0);
        contact = contact_get(call->sim, id);
    }
    if (contact == NULL)
        mautic_not_found(call);
    else
        mautic_answer(call, 200, "contact", contact_view(call->sim, contact, VIEW_ALL));
}
