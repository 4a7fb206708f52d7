// workers/orchestrator/chains.c - when this happened, then that is done. Reading the
// table is reading the business.
#include <stdarg.h>
#include <string.h>

#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/orchestrator/orchestrator.h"

enum { STEPS = 3 };

struct step {
    const char *command;
    bool (*condition)(const struct orchestrator_occasion *occasion); // NULL: always
    // What the payload holds beside company and id. NULL: nothing.
    void (*payload)(const struct orchestrator_occasion *occasion,
                    struct json_object *data);
};

struct chain {
    const char *when;
    const char
        *status;       // quotes.status becomes this, or the chain ends where it may not
    const char *stamp; // a field that takes the instant, unless it is filled
    const char *flag;  // a field that becomes true
    struct step then[STEPS];
};

static bool
signature_is_automatic(const struct orchestrator_occasion *occasion)
{
    return occasion->o->auto_signature;
}

static void
signature_wanted(const struct orchestrator_occasion *occasion, struct json_object *data)
{
    json_set_string(data, "level",
                    json_string_or(occasion->row, "signature_level", "simple"));
    json_set_string(data, "template", NULL);
    json_set_bool(data, "require_company_signature",
                  json_bool_or(occasion->row, "requires_company_signature", false));
}

static void
template_of_company(const struct orchestrator_occasion *occasion,
                    struct json_object *data)
{
    (void)occasion;
    json_set_string(data, "template", NULL);
}

static void
status_wanted(const struct orchestrator_occasion *occasion, struct json_object *data)
{
    json_set_string(data, "to", occasion->to);
}

static const struct chain chains[] = {
    {"quote.sent", .stamp = "sent_at",
     .then = {{"mautic.quote-sent"},
              {"docuseal.signature.request", signature_is_automatic,
               signature_wanted}}},
    {"quote.viewed", .status = "viewed", .stamp = "viewed_at"},
    {"quote.signed", .status = "signed", .stamp = "signed_at", .flag = "is_signed",
     .then = {{"mautic.quote-signed"}, {"invoice-ninja.deposit.create"}}},
    {"quote.rejected", .status = "rejected",
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}}},
    {"quote.expired", .status = "expired",
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}}},
    {WHEN_BACK_TO_DRAFT,
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}}},
    {WHEN_CGV_PENDING, .then = {{"docuseal.cgv.request", NULL, template_of_company}}},
    {"lead.created", .then = {{"mautic.lead.sync"}}},
    {"lead.changed", .then = {{"mautic.lead.sync"}}},
    {"contact.changed", .then = {{"mautic.contact.sync"}}},
    {"client.converted", .then = {{"mautic.welcome"}}},
    {WHEN_INVOICE_BILLED, .then = {{"invoice-ninja.invoice.sync"}}},
    {WHEN_INVOICE_STATUS,
     .then = {{"invoice-ninja.invoice.status", NULL, status_wanted}}},
    {WHEN_PAYMENT_BOOKED, .then = {{"invoice-ninja.payment.create"}}},
    {0},
};

void
orchestrator_say(struct job *job, struct orchestrator_occasion *occasion,
                 const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = job_vprintf(job, fmt, args);
    va_end(args);
    occasion->said =
        occasion->said == NULL ? text : job_printf(job, "%s; %s", occasion->said, text);
    settlement_note(job, "%s", occasion->said);
}

// ---- the quote's own fields

static bool
is_empty(struct json_object *row, const char *field)
{
    return field != NULL && json_at(row, field) == NULL;
}

// Our own write comes back as a change: it must find its status in the memory. Where
// the row was not what the memory says, a change is still on its way here, and the
// memory waits for it.
static bool
write_quote(struct job *job, struct orchestrator_occasion *occasion,
            const struct chain *chain, struct json_object *row)
{
    const char *current = json_string_or(row, "status", "");
    bool moves = chain->status != NULL && strcmp(current, chain->status) != 0;
    struct json_object *patch = json_object_in(job);

    if (moves)
        json_set_string(patch, "status", chain->status);
    if (is_empty(row, chain->stamp))
        json_set_string(patch, chain->stamp, occasion->at);
    if (chain->flag != NULL && !json_bool_or(row, chain->flag, false))
        json_set_bool(patch, chain->flag, true);
    if (json_object_object_length(patch) > 0
        && !directus_update(&occasion->o->directus, job, "quotes", occasion->id, patch))
        return false;
    if (!moves)
        return true;
    struct orchestrator_memory *memory = occasion->memory;
    if (!memory->known || strcmp(memory->status, current) == 0) {
        memory->status = chain->status;
        memory->unseen = true;
    }
    orchestrator_say(job, occasion, "status %s -> %s", current, chain->status);
    return true;
}

// A signature that came too late is kept by DocuSeal's worker; a person decides.
static void
stays(struct job *job, struct orchestrator_occasion *occasion, const char *current)
{
    bool late = strcmp(occasion->when, "quote.signed") == 0
                && orchestrator_quote_meaning(current, "signed") != NULL;
    if (late)
        settlement_attention(
            job, "signature.late", occasion->root,
            "signed while the quote was %s: set it to signed to accept "
            "it, or tell the client",
            current);
    orchestrator_say(job, occasion, "the quote is %s and stays so%s", current,
                     late ? ", a person decides" : "");
}

// *on: whether the chain goes on.
static bool
move_quote(struct job *job, struct orchestrator_occasion *occasion,
           const struct chain *chain, bool *on)
{
    struct json_object *row = occasion->row;
    *on = true;
    if (chain->status == NULL && chain->stamp == NULL)
        return true;
    // People may write at any time: what is not told by the change itself is read right
    // before the write.
    if (row == NULL
        && !orchestrator_row(
            job, occasion->o, "quotes", occasion->id,
            job_printf(job,
                       "id,status,is_signed,%s,company_id,"
                       "contact_id.id,contact_id.email",
                       chain->stamp == NULL ? "quote_number" : chain->stamp),
            &row))
        return false;
    if (row == NULL) {
        *on = false;
        orchestrator_say(job, occasion, "the quote is gone");
        return true;
    }
    occasion->row = row;
    const char *current = json_string_or(row, "status", "");
    *on = chain->status == NULL || strcmp(current, chain->status) == 0
          || orchestrator_quote_may_move(current, chain->status);
    if (*on)
        return write_quote(job, occasion, chain, row);
    stays(job, occasion, current);
    return true;
}

// ---- the commands

static const char *
integration_of(struct job *job, const char *command)
{
    char *name = job_strdup(job, command);
    name[strcspn(name, ".")] = '\0';
    return name;
}

static bool
send_command(struct job *job, struct orchestrator_occasion *occasion,
             const struct step *step)
{
    const char *integration = integration_of(job, step->command);
    if (!orchestrator_runs(occasion->o, integration)) {
        orchestrator_say(job, occasion, "%s: %s does not run here", step->command,
                         integration);
        return true;
    }
    const char *key;
    const char *why;
    if (!orchestrator_lane(job, occasion, integration, &key, &why))
        return false;
    if (key == NULL) {
        orchestrator_say(job, occasion, "%s: %s", step->command, why);
        return true;
    }
    struct publish_command command = {
        .type = step->command,
        .key = key,
        .subject = occasion->root,
        .cause = occasion->cause,
        .data = json_object_in(job),
    };
    json_set_string(command.data, "company", occasion->company);
    json_set_string(command.data, occasion->noun, occasion->id);
    if (step->payload != NULL)
        step->payload(occasion, command.data);
    publish_command(job, &command);
    orchestrator_say(job, occasion, "%s", step->command);
    return true;
}

static const struct chain *
find_chain(const char *when)
{
    for (const struct chain *c = chains; c->when != NULL; c++)
        if (strcmp(c->when, when) == 0)
            return c;
    return NULL;
}

bool
orchestrator_chain(struct job *job, struct orchestrator_occasion *occasion)
{
    const struct chain *chain = find_chain(occasion->when);
    if (chain == NULL)
        return true;
    bool on;
    if (!move_quote(job, occasion, chain, &on))
        return false;
    for (int i = 0; on && i < STEPS && chain->then[i].command != NULL; i++) {
        const struct step *step = &chain->then[i];
        if (step->condition != NULL && !step->condition(occasion))
            orchestrator_say(job, occasion, "%s: not wanted", step->command);
        else if (!send_command(job, occasion, step))
            return false;
    }
    return true;
}

bool
orchestrator_fact(struct job *job, struct orchestrator_occasion *occasion,
                  const char *occurrence, struct json_object *data)
{
    json_set_string(data, "company", occasion->company);
    json_set_string(data, occasion->noun, occasion->id);
    orchestrator_say(job, occasion, "%s", occasion->when);
    occasion->cause =
        publish_fact(job, occasion->when, occasion->root, occurrence, data);
    settlement_finish(job, occasion->cause);
    return orchestrator_chain(job, occasion);
}
