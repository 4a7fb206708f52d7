#include "workers/invoice_ninja/register.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/hook.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/wire.h"

// One check of a company's rows.
struct check {
    const struct ninja *ninja;
    const char *company;
    struct json_object *rows;  // as Invoice Ninja has them
    bool known;                // they were all there once
    struct json_object *shown; // [{event, id, state}], for people
    int created, restored, changed, unchanged, withdrawn;
};

static void
show(struct job *job, struct check *check, const struct ninja_wire *wire,
     const char *id, const char *state)
{
    struct json_object *row = json_object_in(job);
    json_set_string(row, "event", wire->name);
    json_set_string(row, "id", id);
    json_set_string(row, "state", state);
    json_add(check->shown, row);
}

static bool
is_gone(struct json_object *row)
{
    return json_bool_or(row, "is_deleted", false)
           || json_i64_or(row, "archived_at", 0) > 0;
}

// The row of ours for an event: one that works before one that was deleted.
static struct json_object *
find_row(const struct check *check, struct json_object *body)
{
    struct json_object *found = NULL;
    for (size_t i = 0; i < json_object_array_length(check->rows); i++) {
        struct json_object *row = json_object_array_get_idx(check->rows, i);
        if (ninja_hook_is_ours(row, body) && (found == NULL || is_gone(found)))
            found = row;
    }
    return found;
}

// A second row of the event would have everything sent twice: an attempt that was cut
// may have left one.
static bool
withdraw_others(struct job *job, struct check *check, struct json_object *body,
                struct json_object *kept)
{
    for (size_t i = 0; i < json_object_array_length(check->rows); i++) {
        struct json_object *row = json_object_array_get_idx(check->rows, i);
        if (row == kept || is_gone(row) || !ninja_hook_is_ours(row, body))
            continue;
        if (!ninja_hook_act(job, check->ninja, check->company,
                            json_text_or(row, "id", ""), "delete"))
            return false;
        check->withdrawn++;
    }
    return true;
}

static bool
mend(struct job *job, struct check *check, const struct ninja_wire *wire,
     struct json_object *row, struct json_object *body)
{
    const char *id = json_text_or(row, "id", "");
    bool gone = is_gone(row);
    bool same = ninja_hook_is_same(row, body);
    if (gone && !ninja_hook_act(job, check->ninja, check->company, id, "restore"))
        return false;
    if (!same && !ninja_hook_update(job, check->ninja, check->company, id, body))
        return false;
    check->restored += gone ? 1 : 0;
    check->changed += !gone && !same ? 1 : 0;
    check->unchanged += !gone && same ? 1 : 0;
    show(job, check, wire, id, gone ? "restored" : same ? "unchanged" : "changed");
    return true;
}

static bool
check_event(struct job *job, struct check *check, const struct ninja_wire *wire)
{
    struct json_object *body = ninja_hook_body(job, check->ninja, check->company, wire);
    if (body == NULL)
        return false;
    struct json_object *row = find_row(check, body);
    if (row != NULL)
        return mend(job, check, wire, row, body)
               && withdraw_others(job, check, body, row);
    row = ninja_hook_create(job, check->ninja, check->company, body);
    if (row == NULL)
        return false;
    check->created++;
    show(job, check, wire, json_text_or(row, "id", ""), "created");
    return true;
}

// A row that was there once and is not any more: an answer of 404, 405 or 410 deleted
// it, or a person did. What was sent meanwhile was lost; the sweep finds it.
static void
judge(struct job *job, const struct check *check)
{
    int missing = check->restored + (check->known ? check->created : 0);
    if (missing == 0)
        return;
    settlement_attention(job, "invoice-ninja.webhook-deleted", check->company,
                         "%d webhooks of this company had been deleted in Invoice "
                         "Ninja and are there again: something answers 404, 405 or 410 "
                         "in ingest's place",
                         missing);
}

static bool
begin(struct job *job, struct check *check, const char *entity)
{
    struct json_object *state = ledger_state(job, entity);
    if (state == NULL)
        return false;
    check->known = json_bool_or(state, "registered", false);
    check->rows = ninja_hook_list(job, check->ninja, check->company);
    return check->rows != NULL;
}

bool
ninja_register(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct check check = {
        .ninja = ninja,
        .company = json_string_or(ev->data, "company", ev->company),
        .shown = json_array_in(job),
    };
    if (ninja_company_key(ninja->companies, check.company) == NULL) {
        settlement_note(job,
                        "company %s has no key of Invoice Ninja: nothing to register",
                        check.company);
        return true;
    }
    const char *entity = job_printf(job, "webhooks:%s", check.company);
    if (!begin(job, &check, entity))
        return false;
    for (const struct ninja_wire *wire = ninja_wires; wire->name != NULL; wire++)
        if (!check_event(job, &check, wire))
            return false;
    judge(job, &check);
    struct json_object *state = json_object_in(job);
    json_set_bool(state, "registered", true);
    json_set(state, "rows", check.shown);
    settlement_state(job, entity, state);
    settlement_note(job,
                    "webhooks: %d created, %d restored, %d changed, %d unchanged, %d "
                    "withdrawn",
                    check.created, check.restored, check.changed, check.unchanged,
                    check.withdrawn);
    return true;
}

// ---- when

// What the rows are made of, without telling it.
static const char *
digest_of(struct job *job, const struct ninja *ninja, const char *company)
{
    struct json_object *body = ninja_hook_body(job, ninja, company, &ninja_wires[0]);
    return body != NULL ? json_hash(job, body) : NULL;
}

static void
send_command(struct job *job, const char *company, int64_t now_ms)
{
    struct json_object *data = json_object_in(job);
    char cause[UUID_TEXT];
    uuid_of((const char *const[]){"webhooks", company,
                                  job_printf(job, "%" PRId64, now_ms), NULL},
            cause);
    json_set_string(data, "company", company);
    publish_command(job, &(struct publish_command){
                             .type = "invoice-ninja.webhooks.register",
                             .key = job_printf(job, "%s:webhooks", company),
                             .subject = job_printf(job, "webhooks:%s", company),
                             .cause = cause,
                             .data = data,
                         });
}

bool
ninja_register_when_due(struct job *job, const struct ninja *ninja, const char *company)
{
    const char *name = job_printf(job, "webhooks.%s", company);
    const char *cursor;
    int64_t now_ms = clock_wall_ms();
    const char *digest = digest_of(job, ninja, company);
    if (digest == NULL) {
        error_clear(&job->error); // not set: nothing is registered
        return true;
    }
    if (!ledger_cursor(job, name, &cursor))
        return false;
    struct json_object *last =
        cursor != NULL ? json_parse(job, cursor, strlen(cursor)) : NULL;
    bool due = now_ms - json_i64_or(last, "at", 0) >= ninja->hook_check_ms
               || strcmp(json_string_or(last, "digest", ""), digest) != 0;
    if (!due)
        return true;
    send_command(job, company, now_ms);
    struct json_object *next = json_object_in(job);
    json_set_i64(next, "at", now_ms);
    json_set_string(next, "digest", digest);
    settlement_cursor(job, name, json_print(next, NULL));
    return true;
}
