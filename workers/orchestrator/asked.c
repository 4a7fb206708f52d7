// workers/orchestrator/asked.c - orchestrator.fact: what somebody asks to be said, by
// `/orchestrate`.
#include <string.h>

#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/orchestrator/orchestrator.h"

// What is asked for. id is the entity's.
struct asked {
    const struct orchestrator *o;
    const struct event *ev;
    const char *fact, *entity, *id;
};

// ---- quotes

// The status that the fact gives a quote: "quote.sent" -> "sent".
static bool
settle_quote(struct job *job, struct orchestrator_sight *sight, const char *fact)
{
    const char *wanted = fact + strlen("quote.");
    const char *before = sight->memory->known ? sight->memory->status : "draft";
    bool shows = strcmp(sight->to, wanted) == 0;
    const char *means = orchestrator_quote_meaning(before, wanted);

    if (shows && means != NULL) {
        sight->from = before;
        return orchestrator_quote_settle(job, sight);
    }
    if (shows)
        settlement_note(job, "%s was published before", fact);
    else
        settlement_note(job, "skipped: the quote is %s, not %s", sight->to, wanted);
    return true;
}

static bool
ask_quote(struct job *job, const struct asked *asked)
{
    struct orchestrator_memory memory;
    if (!orchestrator_remember(job, asked->entity, &memory))
        return false;
    const struct orchestrator_change change = {
        .collection = "quotes", .key = asked->id, .hint = true};
    struct orchestrator_sight sight = {.o = asked->o,
                                       .ev = asked->ev,
                                       .change = &change,
                                       .memory = &memory,
                                       .fields = ORCHESTRATOR_QUOTE_FIELDS};
    if (!orchestrator_look_now(job, &sight))
        return false;
    return sight.row == NULL || settle_quote(job, &sight, asked->fact);
}

// ---- the others: a row that is read, and the fact with the id it always has

static bool
begin(struct job *job, const struct asked *asked, const char *noun,
      const char *collection, const char *fields,
      struct orchestrator_occasion *occasion)
{
    struct json_object *row;
    if (!orchestrator_row(job, asked->o, collection, asked->id, fields, &row))
        return false;
    if (row == NULL)
        settlement_note(job, "skipped: the row is gone");
    *occasion = (struct orchestrator_occasion){
        .o = asked->o,
        .when = asked->fact,
        .cause = event_identity(asked->ev),
        .root = asked->entity,
        .noun = noun,
        .id = asked->id,
        .company = orchestrator_company(asked->ev, row),
        .at = asked->ev->time,
        .row = row,
    };
    return true;
}

// An invoice of a quote is decided on in the quote's lane.
static bool
ask_payment(struct job *job, const struct asked *asked)
{
    struct orchestrator_occasion invoice;
    if (!begin(job, asked, "invoice", "client_invoices", ORCHESTRATOR_PAID_FIELDS,
               &invoice))
        return false;
    if (invoice.row == NULL)
        return true;
    const char *quote = json_string_or(invoice.row, "quote_id.id", NULL);
    if (quote != NULL)
        invoice.root = job_printf(job, "quote:%s", quote);
    if (strcmp(asked->ev->key, invoice.root) != 0) {
        publish_rekeyed(job, asked->ev, invoice.root, invoice.root);
        settlement_note(job, "goes on as %s", invoice.root);
        return true;
    }
    settlement_note(job, "skipped: nothing was paid");
    return orchestrator_say_paid(job, &invoice, NULL);
}

static bool
ask_lead(struct job *job, const struct asked *asked)
{
    struct orchestrator_occasion lead;
    if (!begin(job, asked, "lead", "leads", "id,email,owner_company", &lead))
        return false;
    if (lead.row == NULL)
        return true;
    if (json_string_or(lead.row, "email", "")[0] == '\0') {
        settlement_note(job, "skipped: no e-mail");
        return true;
    }
    struct json_object *data = json_object_in(job);
    json_set(data, "changed", json_array_in(job));
    return orchestrator_fact(job, &lead, "", data);
}

// A client is who has a completed quote, or was won as a lead.
static const struct {
    const char *noun, *collection, *statuses, *fields;
} proofs[] = {
    {"quote", "quotes", "completed",
     "id,company_id,contact_id.id,contact_id.email,"
     "owner_company_id.code"},
    {"lead", "leads", "won,converted", "id,contact_id,owner_company"},
    {0},
};

static bool
ask_client(struct job *job, const struct asked *asked)
{
    for (size_t i = 0; proofs[i].noun != NULL; i++) {
        const struct http_header query[] = {{"filter[contact_id][_eq]", asked->id},
                                            {"filter[status][_in]", proofs[i].statuses},
                                            {"fields", proofs[i].fields},
                                            {"limit", "1"},
                                            {NULL}};
        struct json_object *rows =
            directus_list(&asked->o->directus, job, proofs[i].collection, query);
        if (rows == NULL)
            return false;
        if (json_object_array_length(rows) == 0)
            continue;
        struct json_object *row = json_object_array_get_idx(rows, 0);
        struct orchestrator_occasion proof = {
            .o = asked->o,
            .root = asked->entity,
            .noun = proofs[i].noun,
            .id = json_string_or(row, "id", ""),
            .company = orchestrator_company(asked->ev, row),
            .at = asked->ev->time,
            .row = row,
        };
        return orchestrator_convert(job, &proof);
    }
    settlement_note(job, "skipped: no completed quote, no lead that was won");
    return true;
}

static const struct {
    const char *fact, *prefix;
    bool (*ask)(struct job *job, const struct asked *asked);
} askable[] = {
    {"quote.sent", "quote:", ask_quote},
    {"quote.signed", "quote:", ask_quote},
    {"quote.rejected", "quote:", ask_quote},
    {"quote.expired", "quote:", ask_quote},
    {"quote.completed", "quote:", ask_quote},
    {"payment.received", "invoice:", ask_payment},
    {"lead.created", "lead:", ask_lead},
    {"client.converted", "contact:", ask_client},
    {0},
};

// Publishes a fact that somebody asked for, if it is new and Directus shows it.
// In:    orchestrator.fact {entity, fact}
// Out:   the fact and what follows from it
// Again: a quote's memory has the status already; the others have ids of their own, and
//        so has what follows from them.
bool
orchestrator_asked(struct job *job, const struct event *ev, void *state)
{
    struct asked asked = {.o = state, .ev = ev};
    asked.entity = json_string(job, ev->data, "entity");
    if (asked.entity == NULL)
        return false;
    asked.fact = json_string(job, ev->data, "fact");
    if (asked.fact == NULL)
        return false;
    size_t i = 0;
    while (askable[i].fact != NULL && strcmp(askable[i].fact, asked.fact) != 0)
        i++;
    if (askable[i].fact == NULL)
        return error_permanent(&job->error,
                               "fact: \"%.60s\" is none that can be asked for: "
                               "quote.sent, .signed, .rejected, .expired, .completed, "
                               "payment.received, lead.created, client.converted",
                               asked.fact);
    asked.id = asked.entity + strlen(askable[i].prefix);
    if (!str_starts(asked.entity, askable[i].prefix) || !uuid_is(asked.id))
        return error_permanent(&job->error, "entity: \"%.60s\" is not %s<uuid>",
                               asked.entity, askable[i].prefix);
    return askable[i].ask(job, &asked);
}
