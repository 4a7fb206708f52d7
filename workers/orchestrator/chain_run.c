// workers/orchestrator/chain_run.c - doing what the table of chains says.
#include <stdarg.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/orchestrator/orchestrator.h"

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
            const struct orchestrator_chain_row *chain, struct json_object *row)
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

// What people must know of where it comes too late for the quote: one that is not
// signed, or not any more.
static const struct late {
    const char *when, *kind, *what, *todo;
} lates[] = {
    // DocuSeal's worker keeps the signature.
    {"quote.signed", "signature.late", "signed",
     "set it to signed to accept it, or tell the client"},
    {"deposit.invoiced", "deposit.unwanted", "its deposit was invoiced",
     "cancel the invoice, which was not mailed, or set the quote right and mail it"},
    {WHEN_DEPOSIT_PAID, "deposit.paid-late", "its deposit was paid",
     "set the quote right, or pay the money back"},
    {0},
};

static bool
stays(struct job *job, struct orchestrator_occasion *occasion,
      const struct orchestrator_chain_row *chain, struct json_object *row)
{
    const char *current = json_string_or(row, "status", "");
    const struct late *late = lates;
    while (late->when != NULL && strcmp(late->when, occasion->when) != 0)
        late++;
    bool flagged =
        late->when != NULL && orchestrator_quote_meaning(current, "signed") != NULL;
    if (flagged)
        settlement_attention(job, late->kind, occasion->root,
                             "%s while the quote was %s: %s", late->what, current,
                             late->todo);
    orchestrator_say(job, occasion, "the quote is %s and stays so%s", current,
                     flagged ? ", a person decides" : "");
    if (!flagged || strcmp(occasion->when, WHEN_DEPOSIT_PAID) != 0)
        return true;
    // Paid it is, whatever becomes of the quote.
    struct orchestrator_chain_row paid = *chain;
    paid.status = NULL;
    return write_quote(job, occasion, &paid, row);
}

// *on: whether the chain goes on.
static bool
move_quote(struct job *job, struct orchestrator_occasion *occasion,
           const struct orchestrator_chain_row *chain, bool *on)
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
    return *on ? write_quote(job, occasion, chain, row)
               : stays(job, occasion, chain, row);
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
             const struct orchestrator_step *step)
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
    if (step->about == NULL)
        json_set_string(command.data, occasion->noun, occasion->id);
    else
        json_set_string(command.data, step->about,
                        json_string_or(occasion->data, step->about, ""));
    if (step->payload != NULL)
        step->payload(job, occasion, command.data);
    publish_command(job, &command);
    occasion->sent++;
    orchestrator_say(job, occasion, "%s", step->command);
    return true;
}

static const struct orchestrator_chain_row *
find_chain(const char *when)
{
    for (const struct orchestrator_chain_row *c = orchestrator_chains; c->when != NULL;
         c++)
        if (strcmp(c->when, when) == 0)
            return c;
    return NULL;
}

static bool
send_commands(struct job *job, struct orchestrator_occasion *occasion,
              const struct orchestrator_chain_row *chain)
{
    for (int i = 0; i < CHAIN_STEPS && chain->then[i].command != NULL; i++) {
        const struct orchestrator_step *step = &chain->then[i];
        if (step->condition != NULL && !step->condition(occasion))
            orchestrator_say(job, occasion, "%s: not wanted", step->command);
        else if (!send_command(job, occasion, step))
            return false;
    }
    return true;
}

static void
set_timers(struct job *job, const struct orchestrator_occasion *occasion,
           const struct orchestrator_chain_row *chain)
{
    for (int i = 0; chain->start[i] != NULL; i++)
        orchestrator_timer_start(job, occasion, chain->start[i]);
    for (int i = 0; chain->stop[i] != NULL; i++)
        orchestrator_timer_stop(job, occasion, chain->stop[i]);
}

bool
orchestrator_chain(struct job *job, struct orchestrator_occasion *occasion)
{
    const struct orchestrator_chain_row *chain = find_chain(occasion->when);
    if (chain == NULL)
        return true;
    bool on;
    if (!move_quote(job, occasion, chain, &on))
        return false;
    if (!on)
        return true;
    if (!send_commands(job, occasion, chain))
        return false;
    set_timers(job, occasion, chain);
    return chain->also == NULL || chain->also(job, occasion);
}

bool
orchestrator_fact(struct job *job, struct orchestrator_occasion *occasion,
                  const char *occurrence, struct json_object *data)
{
    json_set_string(data, "company", occasion->company);
    json_set_string(data, occasion->noun, occasion->id);
    orchestrator_say(job, occasion, "%s", occasion->when);
    occasion->data = data;
    occasion->cause =
        publish_fact(job, occasion->when, occasion->root, occurrence, data);
    settlement_finish(job, occasion->cause);
    return orchestrator_chain(job, occasion);
}

bool
orchestrator_occasion_from(struct job *job, const struct event *ev,
                           const struct orchestrator *o, const char *noun,
                           struct orchestrator_occasion *occasion)
{
    const char *id = json_string(job, ev->data, noun);
    if (id == NULL)
        return false;
    if (!uuid_is(id))
        return error_permanent(&job->error, "%s: \"%.60s\" is not a uuid", noun, id);
    char now[CLOCK_TEXT];
    clock_format(job_now_ms(job), now);
    *occasion = (struct orchestrator_occasion){
        .o = o,
        .when = ev->type,
        .cause = event_identity(ev),
        .root =
            ev->subject[0] == '\0' ? job_printf(job, "%s:%s", noun, id) : ev->subject,
        .noun = noun,
        .id = id,
        .company = ev->company,
        .at = ev->time[0] == '\0' ? job_strdup(job, now) : ev->time,
        .data = ev->data,
    };
    return true;
}
