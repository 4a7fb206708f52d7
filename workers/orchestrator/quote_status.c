// workers/orchestrator/quote_status.c - the states of a quote: which moves there are,
// and what they mean.
#include <string.h>

#include "workers/orchestrator/orchestrator.h"

// Statuses are separated by spaces; "new" is a row that was not there before.
struct move {
    const char *from;
    const char *to;
    const char *means;
};

// What an event (a signature, a payment) may do. Completed, expired and rejected are
// final.
static const struct move by_event[] = {
    {"sent", "viewed"},
    {"sent viewed", "signed"},
    {"sent viewed", "rejected"},
    {"sent viewed", "expired"},
    {"signed", "awaiting_deposit"},
    {"signed awaiting_deposit", "completed"},
    {0},
};

// What it means when a row shows it. A person may also accept what expired or was
// declined: by setting the quote to signed.
static const struct move seen[] = {
    {"new draft", "sent", "quote.sent"},
    {"new draft sent viewed expired rejected", "signed", "quote.signed"},
    {"draft sent viewed", "rejected", "quote.rejected"},
    {"draft sent viewed", "expired", "quote.expired"},
    {"signed awaiting_deposit", "completed", "quote.completed"},
    {"sent viewed", "draft", WHEN_BACK_TO_DRAFT},
    {0},
};

// Against the order of things: a person looks at it, nothing is sent or billed again.
static const struct move backwards[] = {
    {"signed awaiting_deposit completed expired rejected", "draft"},
    {"signed awaiting_deposit completed expired rejected", "sent"},
    {"signed awaiting_deposit completed expired rejected", "viewed"},
    {"signed awaiting_deposit completed", "rejected"},
    {"signed awaiting_deposit completed", "expired"},
    {"awaiting_deposit completed", "signed"},
    {"completed", "awaiting_deposit"},
    {0},
};

static bool
is_one_of(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t width = strcspn(at, " ");
        if (width == length && memcmp(at, word, length) == 0)
            return true;
        at += width;
    }
    return false;
}

static const struct move *
find_move(const struct move moves[], const char *from, const char *to)
{
    if (from[0] == '\0')
        from = "new";
    for (const struct move *m = moves; m->from != NULL; m++)
        if (strcmp(m->to, to) == 0 && is_one_of(m->from, from))
            return m;
    return NULL;
}

bool
orchestrator_quote_may_move(const char *from, const char *to)
{
    return find_move(by_event, from, to) != NULL;
}

const char *
orchestrator_quote_meaning(const char *from, const char *to)
{
    const struct move *move = find_move(seen, from, to);
    return move == NULL ? NULL : move->means;
}

bool
orchestrator_quote_is_backwards(const char *from, const char *to)
{
    return find_move(backwards, from, to) != NULL;
}

bool
orchestrator_quote_is_open(const char *status)
{
    return is_one_of("sent viewed", status);
}

bool
orchestrator_quote_was_sent(const char *status)
{
    return is_one_of("sent viewed signed awaiting_deposit completed expired rejected",
                     status);
}
