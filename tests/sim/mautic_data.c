// GET data/{type}: figures per day, as the widgets of the dashboard show them.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

struct chart {
    struct call *call;
    int64_t from_ms;
    int64_t to_ms;
    size_t bytes; // how much of "2026-08-12 09:00:01" names one column
};

static bool
read_chart(struct call *call, struct chart *chart)
{
    static const struct {
        const char *unit;
        size_t bytes;
    } units[] = {{"s", 19}, {"i", 16}, {"H", 13}, {"d", 10},
                 {"W", 10}, {"m", 7},  {"Y", 4}};
    const char *from = call_query(call, "dateFrom");
    const char *to = call_query(call, "dateTo");
    const char *unit = call_query(call, "timeUnit");
    int64_t now_ms = sim_now_ms(call->sim);
    *chart = (struct chart){call, now_ms - 30 * (int64_t)DAY_MS, now_ms, 0};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].unit, unit == NULL ? "d" : unit) == 0)
            chart->bytes = units[i].bytes;
    }
    if ((from != NULL && !time_parse(from, &chart->from_ms))
        || (to != NULL && !time_parse(to, &chart->to_ms)))
        return false;
    return chart->bytes > 0;
}

static void
count_one(const struct chart *chart, struct json_object *columns, int64_t at_ms)
{
    char key[SQL_TIME_BYTES];
    if (at_ms < chart->from_ms || at_ms >= chart->to_ms + DAY_MS)
        return;
    text_sql_time(at_ms, key);
    key[chart->bytes] = '\0';
    json_add_digits(columns, key, json_int(columns, key, 0) + 1);
}

// Counts the rows of the collection by the time that stands under `key`.
static struct json_object *
count_rows(const struct chart *chart, const char *collection, const char *key)
{
    struct json_object *columns = json_object_new_object();
    for (int64_t day_ms = chart->from_ms; chart->bytes <= 10 && day_ms <= chart->to_ms;
         day_ms += DAY_MS) {
        char name[SQL_TIME_BYTES];
        text_sql_time(day_ms, name);
        name[chart->bytes] = '\0';
        json_add_str(columns, name, "0");
    }
    struct store_cursor cursor;
    struct json_object *row =
        store_oldest(sim_store(chart->call->sim), collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        count_one(chart, columns, json_int(row, key, 0));
    return columns;
}

static void
emails_in_time(const struct chart *chart, struct json_object *data)
{
    json_add(data, "Sent emails", count_rows(chart, "mails", "sent_ms"));
    if (call_query(chart->call, "dataset[]") != NULL)
        json_add(data, "Opened emails", count_rows(chart, "mails", "read_ms"));
}

static void
contacts_in_time(const struct chart *chart, struct json_object *data)
{
    json_add(data, "All contacts", count_rows(chart, "contacts", "added_ms"));
}

struct widget {
    const char *type;
    void (*fill)(const struct chart *chart, struct json_object *data);
};

static const struct widget widgets[] = {
    {"emails.in.time", emails_in_time},
    {"created.leads.in.time", contacts_in_time},
    {0},
};

void
data_types(struct call *call)
{
    struct json_object *types = json_object_new_object();
    for (const struct widget *widget = widgets; widget->type != NULL; widget++)
        json_add_str(types, widget->type, widget->type);
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "success", 1);
    json_add(reply, "types", types);
    call_answer(call, 200, reply);
}

void
data_show(struct call *call)
{
    const struct widget *widget = widgets;
    struct chart chart;
    while (widget->type != NULL && strcmp(widget->type, call->word) != 0)
        widget++;
    if (widget->type == NULL) {
        mautic_not_found(call);
        return;
    }
    if (!read_chart(call, &chart)) {
        mautic_error(call, 400, "Invalid timeUnit or date");
        return;
    }
    struct json_object *data = json_object_new_object();
    widget->fill(&chart, data);
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "success", 1);
    json_add_bool(reply, "cached", false);
    json_add(reply, "execution_time", json_object_new_double_s(12.4, "12.4"));
    json_add(reply, "data", data);
    call_answer(call, 200, reply);
}
