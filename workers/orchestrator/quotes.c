// workers/orchestrator/quotes.c - what a moved quote means.
#include <string.h>

#include "common/json.h"
#include "common/money.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

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
    json_set_string(data, "contact", orchestrator_contact_of(row));
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

static struct json_object *
quote_completed(struct job *job, struct json_object *row)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "contact", orchestrator_contact_of(row));
    return data;
}

// The facts that a row can show, and what their payload takes from it.
static const struct {
    const char *fact;
    struct json_object *(*data)(struct job *job, struct json_object *row);
} quote_facts[] = {
    {"quote.sent", quote_sent},           {"quote.signed", quote_signed},
    {"quote.rejected", quote_rejected},   {"quote.expired", quote_expired},
    {"quote.completed", quote_completed}, {0},
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

static void
follow_dates(struct job *job, const struct orchestrator_sight *sight)
{
    struct orchestrator_occasion occasion =
        orchestrator_occasion_of(job, sight, "", "quote");
    orchestrator_timer_follow_quote(job, &occasion, sight->to);
}

bool
orchestrator_quote_settle(struct job *job, struct orchestrator_sight *sight)
{
    struct orchestrator_memory *memory = sight->memory;
    const char *means = orchestrator_quote_meaning(sight->from, sight->to);

    count_earlier(memory, sight->from);
    memory->status = sight->to;
    memory->known = true;
    follow_dates(job, sight);
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
                                       .fields = ORCHESTRATOR_QUOTE_FIELDS};
    if (!orchestrator_look(job, &sight, orchestrator_quote_meaning))
        return false;
    return sight.row == NULL || orchestrator_quote_settle(job, &sight);
}
