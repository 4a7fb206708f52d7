// workers/orchestrator/reminders.c - the ladder of an overdue invoice: which levels
// there are, and when each begins.
#include <string.h>

#include "common/clock.h"
#include "workers/orchestrator/orchestrator.h"

// An invoice is due until the midnight after its due date: then it is one day overdue.
static const struct level {
    const char *name;
    int64_t from_days; // overdue
} ladder[] = {
    {"first", 1}, {"second", 8}, {"final", 15}, {"collection", 31}, {0},
};

// Its place in the ladder, from 1; 0 for none.
static int
rank_of(const char *name)
{
    for (int i = 0; ladder[i].name != NULL; i++)
        if (strcmp(ladder[i].name, name) == 0)
            return i + 1;
    return 0;
}

const char *
orchestrator_reminder_level(int64_t days)
{
    const char *level = "";
    for (const struct level *l = ladder; l->name != NULL && l->from_days <= days; l++)
        level = l->name;
    return level;
}

bool
orchestrator_reminder_is_beyond(const char *level, const char *last)
{
    return rank_of(level) > rank_of(last);
}

bool
orchestrator_reminder_next(const char *due_date, const char *last, int64_t *due_ms)
{
    char day_before[CLOCK_DATE];
    const struct level *next = &ladder[rank_of(last)];
    return next->name != NULL
           && clock_date_add(due_date, next->from_days - 1, day_before)
           && clock_day_end(day_before, due_ms);
}

bool
orchestrator_reminder_is_open(const char *status)
{
    return strcmp(status, "sent") == 0 || strcmp(status, "partial") == 0
           || strcmp(status, "overdue") == 0;
}
