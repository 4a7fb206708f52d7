// workers/cli/baseline_states.c - what each row is now, as the orchestrator remembers
// it.
//
// With the outbox a change carries its old row, and a state recorded here could hide
// one that is still on its way. Flows tell no old row: without a state the first edit
// of what was sent, paid or won long ago would count as its becoming so. Contacts have
// none: only what was written of them counts.
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/json.h"
#include "workers/cli/baseline.h"

#define FIELDS "id,status,date_created,date_updated"

enum {
    SETTLED_MS = 60 * 1000, // a flow has told of a change by then
};

static const struct watched {
    struct baseline_query what;
    const char *prefix; // of entities: "quote"
    bool counts_sent;   // how often it was sent is remembered too
} watched[] = {
    {{"quotes", FIELDS}, "quote", true},
    {{"cgv_acceptances", FIELDS}, "cgv", false},
    {{"client_invoices", FIELDS}, "invoice", false},
    {{"payments", FIELDS}, "payment", false},
    {{"leads", FIELDS}, "lead", false},
    {.prefix = NULL},
};

// What was made or changed within the last minute may still be told.
static bool
is_settled(struct json_object *row)
{
    static const char *const stamps[] = {"date_created", "date_updated"};
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
        int64_t at_ms;
        if (clock_parse(json_string_or(row, stamps[i], ""), &at_ms)
            && clock_wall_ms() - at_ms < SETTLED_MS)
            return false;
    }
    return true;
}

static struct json_object *
state_of(struct job *job, const struct watched *kind, struct json_object *row)
{
    struct json_object *state = json_object_in(job);
    const char *status = json_string_or(row, "status", "draft");
    json_set_string(state, "status", status);
    if (kind->counts_sent && strcmp(status, "draft") != 0)
        json_set_i64(state, "sent_count", 1);
    return state;
}

static bool
take_page(struct baseline *baseline, struct job *job, struct json_object *rows,
          const void *ctx, int *status)
{
    const struct watched *kind = ctx;
    struct pg_array entities;
    struct pg_array states;
    pg_array_begin(&entities, PG_TYPE_TEXT);
    pg_array_begin(&states, PG_TYPE_TEXT);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (!is_settled(row)) {
            baseline->just_changed++;
            continue;
        }
        pg_array_text(&entities, job_printf(job, "%s:%s", kind->prefix,
                                            json_string_or(row, "id", "")));
        pg_array_text(&states, json_print(state_of(job, kind, row), NULL));
    }
    bool good =
        baseline_remember(baseline, &entities, &states, &baseline->states, status);
    pg_array_end(&entities);
    pg_array_end(&states);
    return good;
}

int
baseline_states(struct baseline *baseline)
{
    int status = EX_OK;
    if (strcmp(baseline->cli->settings.capture, "outbox") == 0)
        return EX_OK;
    for (const struct watched *kind = watched; kind->prefix != NULL && status == EX_OK;
         kind++)
        status = baseline_pages(baseline, &kind->what, take_page, kind);
    return status;
}
