// workers/orchestrator/quotes.c - what a moved quote means.
#include <string.h>

#include "common/json.h"
#include "common/money.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

// All that a quote's facts and commands need, so that nothing is read twice.
#define QUOTE_FIELDS                                                                 \
    "id,status,sent_at,signed_at,is_signed,signature_level,requires_company_"        \
    "signature,"                                                                     \
    "total,currency,decline_reason,docuseal_submission_id,company_id,contact_id.id," \
    "contact_id.email,owner_company_id.code"

static struct json_object *
money_of(struct job *job, struct json_object *row, const char *field)
{
    int64_t cents;
    const char *text = json_text_or(row, field, NULL);
    if (text == NULL || !money_parse(text, &cents))
        return NULL;
    struct json_object *money = json_object_in(job);
    json_set_i64(money, "cents", cents);
    json_set_string(money, "currency", json_string_or(row, "currency", "CHF"));
    return money;
}

static struct json_object *
quote_sent(struct job *job, struct json_object *row)
{
    struct json_object *data = json_object_in(job);
    json_set_string(
        data, "contact",
        json_string_or(row, "contact_id.id", json_string_or(row, "contact_id", NULL)));
    json_set_string(data, "company_id", json_string_or(row, "company_id", NULL));
    json_set(data, "total", money_of(job, row, "total"));
    return data;
}

static struct json_object *
quote_signed(struct job *job, struct json_object *row)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "submission",
                    json_text_or(row, "docuseal_submission_id", NULL));
    json_set_string(data, "evidenced_level", NULL);
    json_set_bool(data, "by_hand", true);
    return data;
}

static struct json_object *
quote_rejected(struct job *job, struct json_object *row)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "reason", json_string_or(row, "decline_reason", ""));
    return data;
}

static struct json_object *
quote_expired(struct job *job, struct json_object *row)
{
    (void)row;
    return json_object_in(job);
}

// The facts that a row can show, and what their payload takes from it.
static const struct {
    const char *fact;
    struct json_object *(*data)(struct job *job, struct json_object *row);
} quote_facts[] = {
    {"quote.sent", quote_sent},
    {"quote.signed", quote_signed},
    {"quote.rejected", quote_rejected},
    {"quote.expired", quote_expired},
    {0},
};

static bool
act_on_quote(struct job *job, struct orchestrator_sight *sight, const char *means)
{
    struct orchestrator_occasion occasion =
        orchestrator_occasion_of(job, sight, means, "quote");
    const char *occurrence = "";

    if (strcmp(means, "quote.sent") == 0) {
        sight->memory->sent_count++;
        occurrence = job_printf(job, "%lld", (long long)sight->memory->sent_count);
    }
    for (size_t i = 0; quote_facts[i].fact != NULL; i++)
        if (strcmp(quote_facts[i].fact, means) == 0)
            return orchestrator_fact(job, &occasion, occurrence,
                                     quote_facts[i].data(job, sight->row));
    orchestrator_say(job, &occasion, "%s", means);
    return orchestrator_chain(job, &occasion);
}

static void
note_quote(struct job *job, const struct orchestrator_sight *sight)
{
    if (strcmp(sight->from, sight->to) == 0) {
        settlement_note(job, "status %s: nothing new", sight->to);
        return;
    }
    settlement_note(job, "status %s -> %s: nothing follows",
                    sight->from[0] == '\0' ? "new" : sight->from, sight->to);
    if (orchestrator_quote_is_backwards(sight->from, sight->to))
        settlement_attention(
            job, "quote.moved-back", sight->memory->entity,
            "set from %s to %s: nothing was sent, billed or taken back", sight->from,
            sight->to);
}

// A quote that was sent before anyone kept count was sent once.
static void
count_earlier(struct orchestrator_memory *memory, const char *from)
{
    if (memory->sent_count == 0 && orchestrator_quote_was_sent(from))
        memory->sent_count = 1;
}

static bool
settle_quote(struct job *job, struct orchestrator_sight *sight)
{
    struct orchestrator_memory *memory = sight->memory;
    const char *means = orchestrator_quote_meaning(sight->from, sight->to);

    count_earlier(memory, sight->from);
    memory->status = sight->to;
    memory->known = true;
    if (means == NULL)
        note_quote(job, sight);
    else if (!act_on_quote(job, sight, means))
        return false;
    orchestrator_keep(job, memory);
    return true;
}

// A quote moved.
// In:    directus.quotes.* {collection, key, old, new}
// Out:   quote.sent, .signed, .rejected, .expired (those of people), or the commands
//        that follow from sent or viewed -> draft
// Again: the memory then has the status already, so there is no transition; the fact's
//        id hangs on the number of entries into `sent`, the commands' on the fact.
bool
orchestrator_quote(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_change change;
    struct orchestrator_memory memory;
    bool ignore;
    if (!orchestrator_change_read(job, ev, state, &change, &ignore))
        return false;
    if (ignore)
        return true;
    const char *root = job_printf(job, "quote:%s", change.key);
    if (!orchestrator_remember(job, root, &memory))
        return false;
    if (orchestrator_is_stale(job, ev, &change, &memory))
        return true;

    struct orchestrator_sight sight = {.o = state,
                                       .ev = ev,
                                       .change = &change,
                                       .memory = &memory,
                                       .fields = QUOTE_FIELDS};
    if (!orchestrator_look(job, &sight, orchestrator_quote_meaning))
        return false;
    return sight.row == NULL || settle_quote(job, &sight);
}

// ---- asked for by the API

static bool
asked_what(struct job *job, const struct event *ev, const char **fact, const char **id)
{
    const char *entity = json_string(job, ev->data, "entity");
    if (entity == NULL)
        return false;
    *fact = json_string(job, ev->data, "fact");
    if (*fact == NULL)
        return false;
    bool known = false;
    for (size_t i = 0; quote_facts[i].fact != NULL; i++)
        known = known || strcmp(quote_facts[i].fact, *fact) == 0;
    if (!known)
        return error_permanent(
            &job->error,
            "fact: \"%.60s\" is none that can be asked for: "
            "quote.sent, quote.signed, quote.rejected, quote.expired",
            *fact);
    if (strncmp(entity, "quote:", 6) != 0)
        return error_permanent(&job->error, "entity: \"%.60s\" is not quote:<uuid>",
                               entity);
    *id = entity + 6;
    return true;
}

// The status that the fact gives a quote: "quote.sent" -> "sent".
static bool
settle_asked(struct job *job, struct orchestrator_sight *sight, const char *fact)
{
    const char *wanted = fact + strlen("quote.");
    const char *before = sight->memory->known ? sight->memory->status : "draft";
    bool shows = strcmp(sight->to, wanted) == 0;
    const char *means = orchestrator_quote_meaning(before, wanted);

    if (shows && means != NULL) {
        sight->from = before;
        return settle_quote(job, sight);
    }
    if (shows)
        settlement_note(job, "%s was published before", fact);
    else
        settlement_note(job, "skipped: the quote is %s, not %s", sight->to, wanted);
    return true;
}

// Publishes a fact that somebody asked for, if it is new and Directus shows it.
// In:    orchestrator.fact {entity, fact}
// Out:   the fact and what follows from it
// Again: the memory has the status already: "was published before".
bool
orchestrator_asked(struct job *job, const struct event *ev, void *state)
{
    const char *fact = NULL;
    const char *id = NULL;
    struct orchestrator_memory memory;
    if (!asked_what(job, ev, &fact, &id))
        return false;
    const char *root = job_printf(job, "quote:%s", id);
    if (!orchestrator_remember(job, root, &memory))
        return false;

    const struct orchestrator_change change = {
        .collection = "quotes", .key = id, .hint = true};
    struct orchestrator_sight sight = {.o = state,
                                       .ev = ev,
                                       .change = &change,
                                       .memory = &memory,
                                       .fields = QUOTE_FIELDS};
    if (!orchestrator_look_now(job, &sight))
        return false;
    return sight.row == NULL || settle_asked(job, &sight, fact);
}
