#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static bool
is_url(const char *text)
{
    return text != NULL
           && (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0);
}

static bool
is_method(const char *text)
{
    return text != NULL && (strcmp(text, "post") == 0 || strcmp(text, "put") == 0);
}

// create: everything must be there; else only what is there must be right.
static bool
check(struct call *call, bool create)
{
    struct json_object *body = call->body;
    struct json_object *errors = json_object_new_object();
    if ((create || json_has(body, "target_url"))
        && !is_url(json_str(body, "target_url")))
        problem(errors, "target_url", "The target url is invalid.");
    if ((create || json_has(body, "rest_method"))
        && !is_method(json_str(body, "rest_method")))
        problem(errors, "rest_method", "The selected rest method is invalid.");
    if (create && json_at(body, "event_id") == NULL)
        problem(errors, "event_id", "The event id field is required.");
    if (!no_problem(call, errors))
        return false;
    if (json_has(body, "event_id")
        && !hook_known_event(json_int(body, "event_id", 0))) {
        call_answer(call, 400, json_object_new_string("Invalid event"));
        return false;
    }
    return true;
}

static bool
is_paid_for(struct call *call)
{
    if (!json_flag(company_get(call->sim, call->account), "unpaid", false))
        return true;
    answer_forbidden(call, "Feature not available with free / unpaid account.");
    return false;
}

void
webhook_create(struct call *call)
{
    char company[HASHID_BYTES];
    if (!is_paid_for(call) || !check(call, true))
        return;
    struct json_object *webhook = row_new(call->sim, call->account, ENTITY_WEBHOOK);
    hashid_encode(call->account, company);
    row_set(webhook, "company_id", company);
    row_fill(webhook, call->body);
    view_answer(call, webhook);
}

void
webhook_update(struct call *call)
{
    struct json_object *webhook = row_to_edit(call, ENTITY_WEBHOOK);
    if (webhook == NULL || !is_paid_for(call) || !check(call, false))
        return;
    row_fill(webhook, call->body);
    row_stamp(call->sim, webhook);
    view_answer(call, webhook);
}

void
webhook_show(struct call *call)
{
    struct json_object *webhook = row_of_call(call, ENTITY_WEBHOOK);
    if (webhook != NULL)
        view_answer(call, webhook);
}

static void
act(struct sim *sim, struct json_object *webhook, const char *action)
{
    bool restore = strcmp(action, "restore") == 0;
    bool delete = strcmp(action, "delete") == 0;
    json_add_int(row_view(webhook), "archived_at", restore ? 0 : now_s(sim));
    if (restore || delete)
        json_add_bool(row_view(webhook), "is_deleted", delete);
    row_stamp(sim, webhook);
}

void
webhook_delete(struct call *call)
{
    struct json_object *webhook = row_of_call(call, ENTITY_WEBHOOK);
    if (webhook == NULL)
        return;
    act(call->sim, webhook, "delete");
    view_answer(call, webhook);
}

void
webhook_bulk(struct call *call)
{
    static const char *const actions[] = {"archive", "restore", "delete", NULL};
    struct json_object *rows = bulk_rows(call, ENTITY_WEBHOOK, actions);
    if (rows == NULL)
        return;
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        act(call->sim, json_object_array_get_idx(rows, i),
            json_str(call->body, "action"));
    bulk_answer(call, rows);
}

static bool
entity_of(const char *name, enum entity *kind)
{
    static const struct {
        const char *name;
        enum entity kind;
    } known[] = {
        {"client", ENTITY_CLIENT},
        {"invoice", ENTITY_INVOICE},
        {"payment", ENTITY_PAYMENT},
    };
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            *kind = known[i].kind;
            return true;
        }
    }
    return false;
}

// Sends the object as it is now to this webhook, before the answer.
void
webhook_retry(struct call *call)
{
    struct json_object *webhook = row_of_call(call, ENTITY_WEBHOOK);
    enum entity kind = ENTITY_CLIENT;
    if (webhook == NULL)
        return;
    struct json_object *errors = json_object_new_object();
    if (strcmp(call->word + strcspn(call->word, "/"), "/retry") != 0) {
        json_object_put(errors);
        answer_refuse(call, 404);
        return;
    }
    if (!entity_of(json_str(call->body, "entity"), &kind))
        problem(errors, "entity", "The selected entity is invalid.");
    if (!no_problem(call, errors))
        return;
    const char *hash = json_str(call->body, "entity_id");
    struct json_object *row = row_by_hash(call->sim, call->account, kind, hash);
    if (row == NULL) {
        answer_bad_id(call, kind, hash == NULL ? "" : hash);
        return;
    }
    hook_fire_at(call->sim, webhook, row, false);
    call_webhooks_first(call);
    view_answer(call, webhook);
}
