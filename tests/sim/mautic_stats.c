// GET stats/{table}: rows as the database has them, all values text. Failures come
// under status 200.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

static const char empty_list[] = "a:0:{}";

static void
add_flag(struct json_object *row, const char *key, bool flag)
{
    json_add_str(row, key, flag ? "1" : "0");
}

static void
add_id(struct json_object *row, const char *key, int64_t id)
{
    if (id > 0)
        json_add_digits(row, key, id);
    else
        json_add_null(row, key);
}

static void
add_campaign_lead(struct json_object *rows, struct json_object *contact,
                  int64_t campaign, struct json_object *member)
{
    struct json_object *row = json_object_new_object();
    json_add_digits(row, "campaign_id", campaign);
    json_add_digits(row, "lead_id", json_int(contact, "id", 0));
    json_add_sql(row, "date_added", json_int(member, "added_ms", 0));
    json_add_sql(row, "date_last_exited", json_int(member, "exited_ms", 0));
    add_flag(row, "manually_removed", json_flag(member, "removed", false));
    add_flag(row, "manually_added", json_flag(member, "manual", false));
    json_add_digits(row, "rotation", json_int(member, "rotation", 1));
    json_object_array_add(rows, row);
}

struct json_object *
stats_campaign_leads(struct sim *sim, int64_t campaign)
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *contact = store_oldest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_newer(&cursor)) {
        json_object_object_foreach(json_at(contact, "campaigns"), key, member)
        {
            int64_t id = strtoll(key, NULL, 10);
            if (campaign == 0 || campaign == id)
                add_campaign_lead(rows, contact, id, member);
        }
    }
    return rows;
}

static struct json_object *
campaign_leads(struct sim *sim)
{
    return stats_campaign_leads(sim, 0);
}

static struct json_object *
lists_leads(struct sim *sim)
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *contact = store_oldest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_newer(&cursor)) {
        json_object_object_foreach(json_at(contact, "segments"), key, member)
        {
            struct json_object *row = json_object_new_object();
            bool removed = json_flag(member, "removed", false);
            json_add_str(row, "leadlist_id", key);
            json_add_digits(row, "lead_id", json_int(contact, "id", 0));
            json_add_sql(row, "date_added", json_int(member, "added_ms", 0));
            add_flag(row, "manually_removed", removed);
            add_flag(row, "manually_added", json_flag(member, "manual", false));
            json_object_array_add(rows, row);
        }
    }
    return rows;
}

static struct json_object *
view_log(struct json_object *log)
{
    struct json_object *row = json_object_new_object();
    bool scheduled = json_int(log, "done_ms", 0) == 0;
    bool mail = json_int(log, "email", 0) > 0;
    json_add_digits(row, "id", json_int(log, "id", 0));
    json_add_digits(row, "event_id", json_int(log, "event", 0));
    json_add_digits(row, "lead_id", json_int(log, "contact", 0));
    json_add_digits(row, "campaign_id", json_int(log, "campaign", 0));
    json_add_null(row, "ip_id");
    json_add_digits(row, "rotation", json_int(log, "rotation", 1));
    json_add_sql(row, "date_triggered", json_int(log, "done_ms", 0));
    add_flag(row, "is_scheduled", scheduled);
    json_add_sql(row, "trigger_date", scheduled ? json_int(log, "due_ms", 0) : 0);
    json_add_str(row, "system_triggered", "1");
    json_add_str(row, "metadata", empty_list);
    json_add_str(row, "channel", mail ? "email" : NULL);
    add_id(row, "channel_id", json_int(log, "email", 0));
    json_add_str(row, "non_action_path_taken", "0");
    return row;
}

static struct json_object *
view_mail(struct json_object *mail)
{
    struct json_object *row = json_object_new_object();
    json_add_digits(row, "id", json_int(mail, "id", 0));
    json_add_digits(row, "email_id", json_int(mail, "email", 0));
    json_add_digits(row, "lead_id", json_int(mail, "contact", 0));
    json_add_null(row, "list_id");
    json_add_null(row, "ip_id");
    json_add_str(row, "copy_id", "af31d0");
    json_share(row, "email_address", json_at(mail, "address"));
    json_add_sql(row, "date_sent", json_int(mail, "sent_ms", 0));
    add_flag(row, "is_read", json_int(mail, "opens", 0) > 0);
    add_flag(row, "is_failed", json_flag(mail, "failed", false));
    json_add_str(row, "viewed_in_browser", "0");
    json_add_sql(row, "date_read", json_int(mail, "read_ms", 0));
    json_share(row, "tracking_hash", json_at(mail, "hash"));
    json_add_str(row, "retry_count", "0");
    json_share(row, "source", json_at(mail, "source"));
    add_id(row, "source_id", json_int(mail, "source_id", 0));
    json_add_str(row, "tokens", empty_list);
    json_add_digits(row, "open_count", json_int(mail, "opens", 0));
    json_add_sql(row, "last_opened", json_int(mail, "last_ms", 0));
    json_add_str(row, "open_details", empty_list);
    return row;
}

static struct json_object *
map_rows(struct sim *sim, const char *collection,
         struct json_object *(*view)(struct json_object *))
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(rows, view(row));
    return rows;
}

static struct json_object *
event_log(struct sim *sim)
{
    return map_rows(sim, "event_log", view_log);
}

static struct json_object *
email_stats(struct sim *sim)
{
    return map_rows(sim, "mails", view_mail);
}

struct table {
    const char *name;
    struct json_object *(*rows)(struct sim *sim);
    const char *columns; // with blanks between
};

static const struct table tables[] = {
    {"campaign_leads", campaign_leads,
     "campaign_id lead_id date_added manually_removed manually_added date_last_exited "
     "rotation"},
    {"campaign_lead_event_log", event_log,
     "id event_id lead_id campaign_id ip_id rotation date_triggered is_scheduled "
     "trigger_date system_triggered metadata channel channel_id non_action_path_taken"},
    {"email_stats", email_stats,
     "id email_id lead_id list_id ip_id copy_id email_address date_sent is_read "
     "is_failed viewed_in_browser date_read tracking_hash retry_count source source_id "
     "tokens open_count last_opened open_details"},
    {"lead_lists_leads", lists_leads,
     "leadlist_id lead_id date_added manually_removed manually_added"},
    {0},
};

// Also the answer to an unknown table.
void
stats_tables(struct call *call)
{
    struct json_object *names = json_object_new_array();
    struct json_object *all = json_object_new_object();
    for (const struct table *table = tables; table->name != NULL; table++) {
        struct json_object *columns = json_object_new_array();
        for (const char *p = table->columns; *p != '\0'; p += *p == ' ' ? 1 : 0) {
            size_t bytes = strcspn(p, " ");
            json_object_array_add(columns, json_object_new_string_len(p, (int)bytes));
            p += bytes;
        }
        json_push_str(names, table->name);
        json_add(all, table->name, columns);
    }
    struct json_object *reply = json_object_new_object();
    json_add(reply, "availableTables", names);
    json_add(reply, "tableColumns", all);
    call_answer(call, 200, reply);
}

// A where_column, so room is as it is.
static const char * // NOLINTNEXTLINE(readability-non-const-parameter)
column(void *row, const char *name, char *room, size_t bytes)
{
    (void)room;
    (void)bytes;
    return json_str(row, name);
}

struct order {
    const char *column;
    bool down;
};

static int
by_order(const void *a, const void *b, void *arg)
{
    const struct order *order = arg;
    const char *one = json_str(*(struct json_object *const *)a, order->column);
    const char *two = json_str(*(struct json_object *const *)b, order->column);
    int64_t number_one = 0;
    int64_t number_two = 0;
    one = one == NULL ? "" : one;
    two = two == NULL ? "" : two;
    int result = strcmp(one, two);
    if (json_number(one, &number_one) && json_number(two, &number_two))
        result = (number_one > number_two) - (number_one < number_two);
    return order->down ? -result : result;
}

// Sorts what matches, cuts out the page, and answers.
static void
answer_rows(struct call *call, struct json_object **found, size_t count)
{
    struct page page = page_of(call, 100);
    struct order order = {.column = call_query(call, "order[0][col]")};
    const char *direction = call_query(call, "order[0][dir]");
    order.down = direction != NULL && (*direction == 'd' || *direction == 'D');
    if (order.column != NULL)
        qsort_r(found, count, sizeof *found, by_order, &order);
    struct json_object *some = json_object_new_array();
    for (int64_t i = page.start; i < (int64_t)count && i < page.start + page.limit; i++)
        json_object_array_add(some, json_object_get(found[i]));
    struct json_object *reply = json_object_new_object();
    json_add_digits(reply, "total", (int64_t)count);
    json_add(reply, "stats", some);
    call_answer(call, 200, reply);
}

static void
answer_table(struct call *call, const struct table *table)
{
    struct json_object *rows = table->rows(call->sim);
    size_t all = json_object_array_length(rows);
    struct json_object **found = calloc(all + 1, sizeof *found);
    size_t count = 0;
    bool bad = false;
    if (found == NULL)
        abort();
    for (size_t i = 0; i < all; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        enum where_result result = where_match(call, column, row);
        bad = bad || result == WHERE_BAD;
        if (result == WHERE_YES)
            found[count++] = row;
    }
    if (bad)
        mautic_stats_error(call, 500, "Where: expr is missing or unknown");
    else
        answer_rows(call, found, count);
    free(found);
    json_object_put(rows);
}

void
stats_show(struct call *call)
{
    const struct table *table = tables;
    while (table->name != NULL && strcmp(table->name, call->word) != 0)
        table++;
    if (table->name == NULL)
        stats_tables(call);
    else
        answer_table(call, table);
}
