// workers/orchestrator/timers.c - what is to be said later, and when.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/publish.h"
#include "workers/orchestrator/orchestrator.h"

static bool
followup_due(struct job *job, const struct orchestrator_occasion *occasion,
             int64_t *due_ms)
{
    *due_ms = job_now_ms(job) + occasion->o->followup_ms;
    return true;
}

// Without a date a quote is valid for ever.
static bool
expiry_due(struct job *job, const struct orchestrator_occasion *occasion,
           int64_t *due_ms)
{
    (void)job;
    return clock_day_end(json_string_or(occasion->row, "valid_until", NULL), due_ms);
}

// Of the invoice itself, or of the one that was just made for the quote.
static bool
overdue_due(struct job *job, const struct orchestrator_occasion *occasion,
            int64_t *due_ms)
{
    (void)job;
    bool own = strcmp(occasion->noun, "invoice") == 0;
    const char *last = own && occasion->memory != NULL ? occasion->memory->level : "";
    const char *due_date =
        json_string_or(own ? occasion->row : occasion->data, "due_date", NULL);
    return orchestrator_reminder_next(due_date, last, due_ms);
}

static const struct timer {
    const char *name;
    const char *noun;
    // False: there is no such day.
    bool (*due)(struct job *job, const struct orchestrator_occasion *occasion,
                int64_t *due_ms);
} timers[] = {
    {TIMER_FOLLOWUP, "quote", followup_due},
    {TIMER_EXPIRE, "quote", expiry_due},
    {TIMER_OVERDUE, "invoice", overdue_due},
    {0},
};

static const struct timer *
find_timer(const char *name)
{
    const struct timer *timer = timers;
    while (strcmp(timer->name, name) != 0)
        timer++;
    return timer;
}

static const char *
id_for(const struct orchestrator_occasion *occasion, const struct timer *timer)
{
    if (strcmp(occasion->noun, timer->noun) == 0)
        return occasion->id;
    return json_string_or(occasion->data, timer->noun, NULL);
}

void
orchestrator_timer_stop(struct job *job, const struct orchestrator_occasion *occasion,
                        const char *name)
{
    const struct timer *timer = find_timer(name);
    const char *id = id_for(occasion, timer);
    if (id != NULL)
        publish_never(job, job_printf(job, "%s:%s", timer->noun, id), name);
}

void
orchestrator_timer_start(struct job *job, const struct orchestrator_occasion *occasion,
                         const char *name)
{
    int64_t due_ms;
    if (find_timer(name)->due(job, occasion, &due_ms))
        orchestrator_timer_start_at(job, occasion, name, due_ms);
}

void
orchestrator_timer_start_at(struct job *job,
                            const struct orchestrator_occasion *occasion,
                            const char *name, int64_t due_ms)
{
    const struct timer *timer = find_timer(name);
    const char *id = id_for(occasion, timer);
    char due[CLOCK_TEXT];
    if (id == NULL)
        return;
    clock_format(due_ms, due);
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", occasion->company);
    json_set_string(data, timer->noun, id);
    json_set_string(data, "due", due);
    publish_later(job, &(struct publish_later){
                           .entity = job_printf(job, "%s:%s", timer->noun, id),
                           .type = name,
                           .root = occasion->root,
                           .due_ms = due_ms,
                           .data = data,
                       });
}

void
orchestrator_timer_follow_quote(struct job *job, struct orchestrator_occasion *occasion,
                                const char *status)
{
    struct orchestrator_memory *memory = occasion->memory;
    const char *valid_until = json_string_or(occasion->row, "valid_until", "");
    if (!orchestrator_quote_is_open(status)
        || strcmp(memory->valid_until, valid_until) == 0)
        return;
    memory->valid_until = valid_until;
    if (valid_until[0] == '\0')
        orchestrator_timer_stop(job, occasion, TIMER_EXPIRE);
    else
        orchestrator_timer_start(job, occasion, TIMER_EXPIRE);
}

void
orchestrator_timer_follow_invoice(struct job *job,
                                  struct orchestrator_occasion *occasion)
{
    struct orchestrator_memory *memory = occasion->memory;
    const char *status = json_string_or(occasion->row, "status", "");
    const char *due_date = orchestrator_reminder_is_open(status)
                               ? json_string_or(occasion->row, "due_date", "")
                               : "";
    if (strcmp(memory->due_date, due_date) == 0)
        return;
    memory->due_date = due_date;
    if (due_date[0] == '\0')
        orchestrator_timer_stop(job, occasion, TIMER_OVERDUE);
    else
        orchestrator_timer_start(job, occasion, TIMER_OVERDUE);
}

int64_t
orchestrator_timer_now(struct job *job, const struct event *ev)
{
    int64_t due_ms;
    int64_t now_ms = job_now_ms(job);
    bool known = clock_parse(json_string_or(ev->data, "due", ""), &due_ms);
    if (!known || due_ms <= now_ms)
        return now_ms;
    job->ahead_ms += due_ms - now_ms;
    return due_ms;
}
