#include "workers/invoice_ninja/status.h"

#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/mirror.h"
#include "workers/invoice_ninja/ninja.h"

// What moves an invoice from one state to another in Invoice Ninja, where a status
// cannot be written. The first row that fits decides; action NULL: it is there already,
// or moves by itself.
static const struct {
    const char *to, *from; // from NULL: any
    const char *action;
    const char *refusal; // why it cannot be done, or NULL
} moves[] = {
    {"sent", "draft", "mark_sent", NULL},
    {"sent", "cancelled", NULL, "a cancelled invoice cannot be sent again"},
    {"sent", NULL, NULL, NULL},
    {"cancelled", "cancelled", NULL, NULL},
    {"cancelled", "draft", "delete", NULL},
    {"cancelled", "paid", NULL, "it is paid: refund the payment first"},
    {"cancelled", NULL, "cancel", NULL},
    {"archived", NULL, "archive", NULL},
    {NULL},
};

struct push {
    const struct ninja *ninja;
    struct ninja_bill *bill;
    const char *to;
    struct ninja_figures figures;
};

static bool
read_figures(struct job *job, struct push *push)
{
    struct json_object *invoice;
    const struct ninja_bill *bill = push->bill;
    if (!ninja_invoice_read(job, push->ninja, bill->company, bill->ninja_id, &invoice))
        return false;
    if (invoice == NULL) {
        error_permanent(&job->error, "invoice %s is gone in Invoice Ninja",
                        bill->number);
        return false;
    }
    return ninja_invoice_figures(job, invoice, &push->figures);
}

static bool
refuse(struct job *job, const struct push *push, const char *why)
{
    error_permanent(&job->error, "invoice %s is %s in Invoice Ninja: %s",
                    push->bill->number, push->figures.status, why);
    job->error.http_status = 409;
    return false;
}

static bool
is_there(const struct push *push)
{
    if (strcmp(push->to, "archived") == 0)
        return push->figures.archived || push->figures.deleted;
    if (strcmp(push->to, "sent") == 0)
        return strcmp(push->figures.status, "draft") != 0;
    return strcmp(push->figures.status, "cancelled") == 0;
}

// What cannot be done is answered like what was: the invoice is read again.
static bool
act(struct job *job, struct push *push, const char *action)
{
    const struct ninja_bill *bill = push->bill;
    if (!ninja_invoice_act(job, push->ninja, bill->company, bill->ninja_id, action)
        || !read_figures(job, push))
        return false;
    return is_there(push) || refuse(job, push, "Invoice Ninja did nothing");
}

static bool
move(struct job *job, struct push *push)
{
    for (size_t i = 0; moves[i].to != NULL; i++) {
        if (strcmp(moves[i].to, push->to) != 0
            || (moves[i].from != NULL
                && strcmp(moves[i].from, push->figures.status) != 0))
            continue;
        if (moves[i].refusal != NULL)
            return refuse(job, push, moves[i].refusal);
        bool there = strcmp(push->to, "archived") == 0 && is_there(push);
        return moves[i].action == NULL || there || act(job, push, moves[i].action);
    }
    return error_permanent(
        &job->error, "to must be sent, cancelled or archived, not \"%.20s\"", push->to);
}

bool
ninja_status_push(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct push push = {.ninja = ninja};
    const char *id = ninja_payload_uuid(job, ev, "invoice");
    push.to = json_string(job, ev->data, "to");
    if (id == NULL || push.to == NULL)
        return false;
    push.bill = ninja_bill_read(job, id);
    if (push.bill == NULL || !ninja_bill_fill(job, ninja, push.bill))
        return false;
    if (ninja_sent_on(job, ev, push.bill->lane, push.bill->root))
        return true;
    if (!ninja_mirror_take_made(job, ninja, push.bill))
        return false;
    if (push.bill->ninja_id == NULL) {
        settlement_note(job, "the invoice is not in Invoice Ninja: nothing to move");
        return true;
    }
    if (!read_figures(job, &push) || !move(job, &push))
        return false;
    settlement_note(job, "invoice %s: %s", push.bill->number,
                    push.figures.archived ? "archived" : push.figures.status);
    return ninja_bill_update(job, ninja, push.bill, &push.figures, NULL);
}
