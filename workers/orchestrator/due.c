// workers/orchestrator/due.c - what the timers send: the state is looked at again, and
// only what it still says is done.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/money.h"
#include "common/refund.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

#define INVOICE_FIELDS                                                                \
    "id,status,due_date,amount,balance,owner_company,company_id,last_reminder_level," \
    "last_reminder_at,contact_id.id,contact_id.email,payments.amount," REFUND_FIELDS

enum { DAY_MS = 24 * 3600 * 1000 };

// One look at the row that a timer speaks of. row is NULL where it is gone, which was
// noted.
struct due {
    struct orchestrator_occasion occasion;
    struct orchestrator_memory memory;
    int64_t now_ms;
    const char *today;
};

static const char *
instant(struct job *job, int64_t wall_ms)
{
    char text[CLOCK_TEXT];
    clock_format(wall_ms, text);
    return job_strdup(job, text);
}

static bool
look_at_due(struct job *job, const struct event *ev, const struct orchestrator *o,
            const char *noun, struct due *due)
{
    bool of_quote = strcmp(noun, "quote") == 0;
    struct orchestrator_occasion *occasion = &due->occasion;
    if (!orchestrator_occasion_from(job, ev, o, noun, occasion)
        || !orchestrator_remember(job, job_printf(job, "%s:%s", noun, occasion->id),
                                  &due->memory)
        || !orchestrator_row(
            job, o, of_quote ? "quotes" : "client_invoices", occasion->id,
            of_quote ? ORCHESTRATOR_QUOTE_FIELDS : INVOICE_FIELDS, &occasion->row))
        return false;
    if (occasion->row == NULL)
        settlement_note(job, "the row is gone");
    char today[CLOCK_DATE];
    due->now_ms = orchestrator_timer_now(job, ev);
    clock_date(due->now_ms, today);
    occasion->at = instant(job, due->now_ms);
    occasion->memory = &due->memory;
    occasion->data = NULL;
    due->today = job_strdup(job, today);
    return true;
}

// Whether the quote still waits for its signature; notes it where not.
static bool
is_open(struct job *job, struct orchestrator_occasion *occasion)
{
    const char *status = json_string_or(occasion->row, "status", "");
    if (orchestrator_quote_is_open(status))
        return true;
    orchestrator_say(job, occasion, "the quote is %s: nothing is due", status);
    return false;
}

// Whether the last day of its validity is over. Without a date it never is.
static bool
is_past(const struct due *due)
{
    int64_t end_ms;
    const char *valid_until = json_string_or(due->occasion.row, "valid_until", NULL);
    return clock_day_end(valid_until, &end_ms) && end_ms <= due->now_ms;
}

// Whether an earlier attempt at this very command has written the field already.
static bool
is_written(const struct event *ev, struct json_object *row, const char *field)
{
    int64_t due_ms;
    int64_t written_ms;
    return clock_parse(json_string_or(ev->data, "due", ""), &due_ms)
           && clock_parse(json_string_or(row, field, ""), &written_ms)
           && written_ms >= due_ms;
}

// Nothing moved for days.
// In:    orchestrator.followup {quote, due}
// Out:   mautic.quote-followup, the next timer
// Again: the command's id hangs on this one's; what was counted is not counted again.
bool
orchestrator_followup(struct job *job, const struct event *ev, void *state)
{
    struct due due;
    struct orchestrator_occasion *occasion = &due.occasion;
    if (!look_at_due(job, ev, state, "quote", &due))
        return false;
    if (occasion->row == NULL || !is_open(job, occasion))
        return true;
    if (is_past(&due)) {
        orchestrator_say(job, occasion, "no longer valid: nobody is reminded");
        orchestrator_timer_start(job, occasion, TIMER_FOLLOWUP);
        return true;
    }
    if (is_written(ev, occasion->row, "last_followup_at"))
        json_set_i64(occasion->row, "followup_count",
                     json_i64_or(occasion->row, "followup_count", 0) - 1);
    // Mautic may be away: between two there is never less than half of the time set.
    const struct orchestrator *o = occasion->o;
    occasion->after = instant(job, due.now_ms - o->followup_ms / 2);
    occasion->until = instant(job, due.now_ms + o->followup_ms);
    occasion->when = WHEN_FOLLOWUP_DUE;
    return orchestrator_chain(job, occasion);
}

// A quote's last day is over.
// In:    orchestrator.expire {quote, due}
// Out:   quote.expired; a new timer where its validity was prolonged meanwhile
// Again: the quote is expired then.
bool
orchestrator_expire(struct job *job, const struct event *ev, void *state)
{
    struct due due;
    struct orchestrator_occasion *occasion = &due.occasion;
    if (!look_at_due(job, ev, state, "quote", &due))
        return false;
    if (occasion->row == NULL || !is_open(job, occasion))
        return true;
    if (!is_past(&due)) {
        orchestrator_say(job, occasion, "valid until %s",
                         json_string_or(occasion->row, "valid_until", "ever"));
        orchestrator_timer_start(job, occasion, TIMER_EXPIRE);
        return true;
    }
    occasion->when = "quote.expired";
    if (!orchestrator_fact(job, occasion, "", json_object_in(job)))
        return false;
    orchestrator_keep(job, &due.memory);
    return true;
}

// Why nobody is reminded, or NULL.
static const char *
why_not_overdue(struct job *job, const struct due *due, int64_t *days)
{
    struct json_object *row = due->occasion.row;
    const char *status = json_string_or(row, "status", "");
    const char *balance = json_text_or(row, "balance", NULL);
    int64_t cents;
    if (!orchestrator_reminder_is_open(status))
        return job_printf(job, "the invoice is %s: nothing is due", status);
    if (balance != NULL && money_parse(balance, &cents) && cents <= 0)
        return "nothing is left to pay";
    if (!clock_days_between(json_string_or(row, "due_date", NULL), due->today, days))
        return "no due date";
    return NULL;
}

// The last level that was reached: ours, or one that was written before there was a
// memory.
static const char *
last_level(const struct event *ev, const struct due *due)
{
    struct json_object *row = due->occasion.row;
    const char *shown = json_string_or(row, "last_reminder_level", "");
    bool counts = !is_written(ev, row, "last_reminder_at")
                  && orchestrator_reminder_is_beyond(shown, due->memory.level);
    return counts ? shown : due->memory.level;
}

// Whether the payments speak against a reminder: who got money back is left to a
// person, and what is paid has only not come into the figures yet, or was refunded at
// this moment.
static bool
is_held_back(struct job *job, struct due *due)
{
    struct orchestrator_occasion *occasion = &due->occasion;
    if (refund_is_any(occasion->row)) {
        settlement_attention(job, "payment.refunded", due->memory.entity,
                             "a payment was refunded, and now the invoice is overdue: "
                             "nobody is reminded of it, decide what is owed");
        orchestrator_say(job, occasion,
                         "refunded: nobody is reminded, a person decides");
        return true;
    }
    if (!orchestrator_is_covered(occasion->row))
        return false;
    orchestrator_say(job, occasion,
                     "its payments come to its amount: looked at again in a day");
    orchestrator_timer_start_at(job, occasion, TIMER_OVERDUE, due->now_ms + DAY_MS);
    return true;
}

// The highest level, where several were slept through.
static bool
remind(struct job *job, struct due *due, int64_t days)
{
    struct orchestrator_occasion *occasion = &due->occasion;
    const char *level = orchestrator_reminder_level(days);
    if (!orchestrator_reminder_is_beyond(level, due->memory.level)) {
        orchestrator_say(job, occasion, "%lld days overdue: no new level",
                         (long long)days);
        orchestrator_timer_start(job, occasion, TIMER_OVERDUE);
        return true;
    }
    if (is_held_back(job, due))
        return true;
    const char *due_date = json_string_or(occasion->row, "due_date", "");
    int64_t next_ms;
    // Nobody gets two within a day.
    if (orchestrator_reminder_next(due_date, level, &next_ms))
        occasion->until = instant(job, next_ms - DAY_MS);
    struct json_object *data = json_object_in(job);
    json_set_i64(data, "days", days);
    due->memory.level = level;
    occasion->to = level;
    occasion->when = "invoice.overdue";
    return orchestrator_fact(job, occasion, job_printf(job, "%s %s", due_date, level),
                             data);
}

// An invoice is overdue, or has been for longer.
// In:    orchestrator.overdue {invoice, due}
// Out:   invoice.overdue and its reminder, one level; the timer of the next. After a
//        refund only a word to a person
// Again: the memory has the level, and Directus shows it.
bool
orchestrator_overdue(struct job *job, const struct event *ev, void *state)
{
    struct due due;
    struct orchestrator_occasion *occasion = &due.occasion;
    int64_t days = 0;
    if (!look_at_due(job, ev, state, "invoice", &due))
        return false;
    const char *why =
        occasion->row == NULL ? "the row is gone" : why_not_overdue(job, &due, &days);
    if (why != NULL) {
        orchestrator_say(job, occasion, "%s", why);
        return true;
    }
    due.memory.level = last_level(ev, &due);
    if (due.memory.status[0] == '\0')
        due.memory.status = json_string_or(occasion->row, "status", "");
    if (!remind(job, &due, days))
        return false;
    orchestrator_keep(job, &due.memory);
    return true;
}
