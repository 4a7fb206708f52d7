// workers/cli/baseline_dates.c - what has a date, or happened once: expiry of open
// quotes, reminders of open invoices, contacts that are clients already.
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/cli/baseline.h"

struct batch {
    struct pg_array entities, states;
};

// One collection, and what a row of it means.
struct pass {
    struct baseline_query what;
    void (*take)(struct job *job, struct batch *batch, struct json_object *row);
};

// A timer as the orchestrator sets it; what it sends is judged again when it is due.
static void
set_timer(struct job *job, const char *noun, const char *type, const char *root,
          struct json_object *row, int64_t due_ms)
{
    char due[CLOCK_TEXT];
    const char *id = json_string_or(row, "id", "");
    struct json_object *data = json_object_in(job);
    clock_format(due_ms, due);
    json_set_string(data, "company",
                    json_string_or(row, "owner_company_id.code",
                                   json_string_or(row, "owner_company", "")));
    json_set_string(data, noun, id);
    json_set_string(data, "due", due);
    publish_later(job, &(struct publish_later){
                           .entity = job_printf(job, "%s:%s", noun, id),
                           .type = type,
                           .root = root,
                           .due_ms = due_ms,
                           .data = data,
                       });
}

static void
add_client(struct job *job, struct batch *batch, const char *contact)
{
    if (contact[0] == '\0')
        return;
    pg_array_text(&batch->entities, job_printf(job, "converted:%s", contact));
    pg_array_text(&batch->states, "{\"status\":\"converted\"}");
}

// Who has a completed quote is a client, whatever else says so.
static void
take_quote(struct job *job, struct batch *batch, struct json_object *row)
{
    int64_t due_ms;
    if (strcmp(json_string_or(row, "status", ""), "completed") == 0) {
        add_client(job, batch, json_string_or(row, "contact_id", ""));
        return;
    }
    const char *root = job_printf(job, "quote:%s", json_string_or(row, "id", ""));
    if (clock_day_end(json_string_or(row, "valid_until", NULL), &due_ms))
        set_timer(job, "quote", "orchestrator.expire", root, row, due_ms);
}

// From the first midnight on: the orchestrator finds the level, and which were reached.
static void
take_invoice(struct job *job, struct batch *batch, struct json_object *row)
{
    int64_t due_ms;
    const char *quote = json_string_or(row, "quote_id", NULL);
    const char *root =
        quote != NULL ? job_printf(job, "quote:%s", quote)
                      : job_printf(job, "invoice:%s", json_string_or(row, "id", ""));
    (void)batch;
    if (clock_day_end(json_string_or(row, "due_date", NULL), &due_ms))
        set_timer(job, "invoice", "orchestrator.overdue", root, row, due_ms);
}

static void
take_person(struct job *job, struct batch *batch, struct json_object *row)
{
    add_client(job, batch, json_string_or(row, "id", ""));
}

static const struct pass passes[] = {
    {{"quotes", "id,status,valid_until,contact_id,owner_company_id.code",
      "filter[status][_in]", "sent,viewed,completed"},
     take_quote},
    {{"client_invoices", "id,status,due_date,quote_id,owner_company",
      "filter[status][_in]", "sent,partial,overdue"},
     take_invoice},
    {{"people", "id", "filter[company_id][is_client][_eq]", "true"}, take_person},
    {.take = NULL},
};

static void
add_timer(struct pg_array columns[BASELINE_COLUMNS], const struct settle_timer *timer)
{
    char due[CLOCK_TEXT];
    clock_format(timer->due_ms, due);
    pg_array_text(&columns[0], timer->entity);
    pg_array_text(&columns[1], timer->name);
    pg_array_text(&columns[2], due);
    pg_array_text(&columns[3], timer->out.topic);
    pg_array_text(&columns[4], timer->out.key);
    pg_array_text(&columns[5], timer->out.id);
    pg_array_text(&columns[6], timer->out.headers);
    pg_array_bytes(&columns[7], timer->out.payload, timer->out.payload_length);
}

static bool
write_timers(struct baseline *baseline, const struct settlement *all, int *status)
{
    static const char sql[] =
        "INSERT INTO relais.timer (worker, entity, name, due_at, topic, key, id,"
        " headers, payload) SELECT 'relais-orchestrator', e, n, d::timestamptz, t, k, "
        "i,"
        " convert_to(h, 'UTF8'), p FROM unnest($1::text[], $2::text[], $3::text[],"
        " $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])"
        " AS r(e, n, d, t, k, i, h, p) ON CONFLICT DO NOTHING";
    struct pg_array columns[BASELINE_COLUMNS];
    struct pg_array *arrays[BASELINE_COLUMNS];
    for (int i = 0; i < BASELINE_COLUMNS; i++) {
        arrays[i] = &columns[i];
        pg_array_begin(&columns[i],
                       i == BASELINE_COLUMNS - 1 ? PG_TYPE_BYTEA : PG_TYPE_TEXT);
    }
    for (const struct settle_timer *t = all->timers; t != NULL; t = t->next) {
        add_timer(columns, t);
        baseline->due += t->due_ms <= clock_wall_ms() ? 1 : 0;
    }
    bool good = baseline_insert(baseline->cli, sql, arrays, BASELINE_COLUMNS,
                                &baseline->timers, status);
    for (int i = 0; i < BASELINE_COLUMNS; i++)
        pg_array_end(&columns[i]);
    return good;
}

static bool
take_page(struct baseline *baseline, struct job *job, struct json_object *rows,
          const void *ctx, int *status)
{
    const struct pass *pass = ctx;
    struct batch batch;
    pg_array_begin(&batch.entities, PG_TYPE_TEXT);
    pg_array_begin(&batch.states, PG_TYPE_TEXT);
    settlement_begin(job);
    size_t count = json_object_array_length(rows);
    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        pass->take(job, &batch, row);
    }
    bool good = write_timers(baseline, job->settlement, status)
                && baseline_remember(baseline, &batch.entities, &batch.states,
                                     &baseline->clients, status);
    pg_array_end(&batch.entities);
    pg_array_end(&batch.states);
    return good;
}

int
baseline_dates(struct baseline *baseline)
{
    int status = EX_OK;
    for (const struct pass *pass = passes; pass->take != NULL && status == EX_OK;
         pass++)
        status = baseline_pages(baseline, &pass->what, take_page, pass);
    return status;
}
