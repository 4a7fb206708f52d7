#include "workers/invoice_ninja/reconcile.h"

#include <string.h>

#include "common/clock.h"
#include "common/drift.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/ninja.h"

static const char *
hinted_id(const struct event *ev)
{
    return json_text_or(ev->data, "remote_id", json_text_or(ev->data, "body.id", ""));
}

static const char *
hinted_company(const struct event *ev)
{
    const char *company = json_string_or(ev->data, "company", "");
    return company[0] != '\0' ? company : ev->company;
}

bool
ninja_hint_read(struct job *job, const struct ninja *ninja, const struct event *ev,
                struct ninja_hint *hint)
{
    *hint = (struct ninja_hint){
        .ninja = ninja,
        .ev = ev,
        .company = hinted_company(ev),
        .id = hinted_id(ev),
    };
    if (hint->id[0] == '\0')
        return error_permanent(&job->error,
                               "the event names no object of Invoice Ninja");
    if (hint->company[0] == '\0')
        return error_permanent(&job->error, "the event names no company");
    return true;
}

const char *
ninja_hint_object(struct job *job, const struct event *ev)
{
    const char *id = hinted_id(ev);
    if (id[0] == '\0')
        return NULL;
    return drift_object(job, ev, job_printf(job, "%s:%s", hinted_company(ev), id));
}

void
ninja_hint_judge_hook(struct job *job, const struct ninja_hint *hint, int64_t moved_s)
{
    int64_t moved_ms = moved_s * 1000;
    if (strcmp(json_string_or(hint->ev->data, "why", ""), "sweep") != 0 || moved_s == 0
        || clock_wall_ms() - moved_ms < hint->ninja->hook_wait_ms)
        return;
    settlement_attention(job, "invoice-ninja.webhook-missing", hint->company,
                         "%s moved at %s and only the sweep saw it: look at the "
                         "webhooks of this company in Invoice Ninja (relais webhooks)",
                         hint->id, ninja_instant(job, moved_s));
}

// ---- invoices

// Destroyed for good at Invoice Ninja: with nothing to look at, a person decides.
static bool
invoice_is_gone(struct job *job, const struct ninja_hint *hint)
{
    struct ledger_ref ref;
    if (!ledger_ref_remote(job, "invoice-ninja", hint->company, "invoice", hint->id,
                           &ref))
        return false;
    settlement_note(job, "%s: invoice %s is gone in Invoice Ninja",
                    ref.local_id == NULL ? "not ours" : "nothing changed", hint->id);
    if (ref.local_id != NULL)
        settlement_attention(job, "invoice-ninja.invoice-gone",
                             job_printf(job, "invoice:%s", ref.local_id),
                             "invoice %s was purged from Invoice Ninja: settle it in "
                             "Directus",
                             hint->id);
    return true;
}

static bool
has_moved(const struct ninja_bill *bill, const struct ninja_figures *figures)
{
    return bill->status == NULL || strcmp(bill->status, figures->status) != 0
           || bill->paid_cents != figures->paid_cents
           || bill->balance_cents != figures->balance_cents;
}

bool
ninja_reconcile_invoice(struct job *job, const struct ninja *ninja,
                        const struct event *ev)
{
    struct ninja_hint hint;
    struct json_object *invoice;
    struct ninja_bill *bill;
    if (!ninja_hint_read(job, ninja, ev, &hint)
        || !ninja_invoice_read(job, ninja, hint.company, hint.id, &invoice))
        return false;
    if (invoice == NULL)
        return invoice_is_gone(job, &hint);
    if (!ninja_bill_of(job, ninja, hint.company, invoice, &bill))
        return false;
    if (bill == NULL || ninja_sent_on(job, ev, bill->lane, bill->root))
        return true;
    struct ninja_figures figures;
    if (!ninja_invoice_figures(job, invoice, &figures))
        return false;
    bool moved = has_moved(bill, &figures);
    settlement_note(job, "invoice %s: %s%s", figures.number, figures.status,
                    moved ? "" : ", nothing new");
    if (moved) {
        ninja_hint_judge_hook(job, &hint, figures.updated_at);
        drift_note_moved(job, ev);
    }
    if (!ninja_bill_update(job, ninja, bill, &figures, NULL))
        return false;
    return !drift_is_audit(ev) || ninja_audit_bill(job, ninja, bill, &figures);
}

// ---- clients

bool
ninja_reconcile_client(struct job *job, const struct ninja *ninja,
                       const struct event *ev)
{
    struct ninja_hint hint;
    struct ledger_ref ref;
    if (!ninja_hint_read(job, ninja, ev, &hint))
        return false;
    const char *party = json_string_or(ev->data, "body.id_number", "");
    if (!uuid_is(party)) {
        settlement_note(job, "not ours: client %s", hint.id);
        return true;
    }
    party = webhook_lower(job, party);
    const char *lane = ninja_lane(job, hint.company, party);
    if (ninja_sent_on(job, ev, lane, ""))
        return true;
    if (!ledger_ref_remote(job, "invoice-ninja", hint.company, "client", hint.id, &ref))
        return false;
    bool known = ref.local_id != NULL && strcmp(ref.local_id, party) == 0;
    const char *class = json_string_or(ev->data, "body.classification", "");
    settlement_note(job, "client %s%s", hint.id, known ? ": nothing new" : "");
    if (!known)
        settlement_ref(
            job, &(struct settle_ref){.system = "invoice-ninja",
                                      .company = hint.company,
                                      .collection = strcmp(class, "individual") == 0
                                                        ? "people"
                                                        : "companies",
                                      .local_id = party,
                                      .remote_type = "client",
                                      .remote_id = hint.id,
                                      .lane_key = lane});
    return true;
}
