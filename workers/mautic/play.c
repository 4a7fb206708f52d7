#include "workers/mautic/play.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/str.h"
#include "workers/mautic/campaign.h"
#include "workers/mautic/consent.h"
#include "workers/mautic/note.h"
#include "workers/mautic/segment.h"

const struct mautic_play mautic_plays[] = {
    {"mautic.quote-sent", .join = MAUTIC_PENDING_QUOTES, .campaign = MAUTIC_QUOTE_SENT,
     .note = "quote_sent"},
    {"mautic.quote-followup", .campaign = MAUTIC_QUOTE_FOLLOWUP,
     .note = "quote_followup"},
    {"mautic.quote-signed", .leave = {MAUTIC_PENDING_QUOTES}, .note = "quote_signed"},
    {"mautic.quote-closed", .leave = {MAUTIC_PENDING_QUOTES}, .note = "quote_closed"},
    {"mautic.payment-reminder", .join = MAUTIC_OVERDUE_PAYMENTS,
     .campaign = MAUTIC_PAYMENT_REMINDER, .note = "payment_reminder", .dunning = true},
    {"mautic.invoice-closed", .leave = {MAUTIC_OVERDUE_PAYMENTS}},
    {"mautic.payment-received",
     .leave = {MAUTIC_OVERDUE_PAYMENTS, MAUTIC_PENDING_QUOTES},
     .note = "payment_received"},
    {"mautic.welcome", .join = MAUTIC_CLIENTS,
     .leave = {MAUTIC_LEADS, MAUTIC_PROSPECTS}, .campaign = MAUTIC_WELCOME,
     .note = "client_converted", .once = true},
    {0},
};

const struct mautic_play *
mautic_play_of(const char *command)
{
    const struct mautic_play *play = mautic_plays;
    while (play->command != NULL && strcmp(play->command, command) != 0)
        play++;
    return play->command != NULL ? play : NULL;
}

static const char *
text_of(struct job *job, int64_t segment)
{
    return job_printf(job, "%" PRId64, segment);
}

static bool
join(struct job *job, const struct mautic_occasion *occasion)
{
    struct mautic_person *person = occasion->person;
    int64_t id;
    if (occasion->play->join == MAUTIC_NO_SEGMENT)
        return true;
    if (!mautic_segment_id(job, occasion->m, occasion->play->join, occasion->company,
                           &id))
        return false;
    // What ended an attempt before this one may have come after it joined.
    mautic_person_moved(job, person, text_of(job, id), true);
    if (occasion->no_join)
        return true;
    if (!mautic_segment_join(job, occasion->m, id, person->contact.id))
        return false;
    mautic_person_say(job, person, "in segment %" PRId64, id);
    return true;
}

// Unless the person is out already, or belongs there for another reason.
static bool
leave_one(struct job *job, const struct mautic_occasion *occasion,
          enum mautic_segment segment)
{
    struct mautic_person *person = occasion->person;
    bool belongs;
    int64_t id;
    if (!mautic_segment_id(job, occasion->m, segment, occasion->company, &id))
        return false;
    const char *text = text_of(job, id);
    if (!mautic_person_is_in(person, text))
        return true;
    if (!mautic_standing(job, occasion, segment, &belongs))
        return false;
    if (belongs) {
        mautic_person_say(job, person, "another paper is %s",
                          segment == MAUTIC_OVERDUE_PAYMENTS ? "overdue" : "open");
        return true;
    }
    if (!mautic_segment_leave(job, occasion->m, id, person->contact.id))
        return false;
    mautic_person_moved(job, person, text, false);
    mautic_person_say(job, person, "out of segment %" PRId64, id);
    return true;
}

static bool
leave(struct job *job, const struct mautic_occasion *occasion)
{
    for (int i = 0; i < MAUTIC_LEAVES; i++)
        if (occasion->play->leave[i] != MAUTIC_NO_SEGMENT
            && !leave_one(job, occasion, occasion->play->leave[i]))
            return false;
    return true;
}

static bool
entry_of(struct job *job, const struct mautic_occasion *occasion,
         struct mautic_entry *entry)
{
    *entry = (struct mautic_entry){
        .contact = occasion->person->contact.id,
        .who = occasion->person->who,
        .cause = occasion->cause,
        .once = occasion->play->once,
    };
    return mautic_campaign_id(job, occasion->m, occasion->play->campaign,
                              occasion->company, &entry->campaign);
}

// An attempt before this one may have entered, whatever becomes of this one: it may be
// refused before it comes there again, and other entries follow.
static bool
settle_entry(struct job *job, const struct mautic_occasion *occasion, bool *entered)
{
    struct mautic_entry entry;
    *entered = false;
    if (occasion->play->campaign == MAUTIC_NO_CAMPAIGN)
        return true;
    if (!entry_of(job, occasion, &entry)
        || !mautic_campaign_settle(job, occasion->m, &entry, entered))
        return false;
    if (*entered)
        mautic_person_say(job, occasion->person, "in campaign %" PRId64,
                          entry.campaign);
    return true;
}

static bool
enter(struct job *job, const struct mautic_occasion *occasion)
{
    const struct mautic_play *play = occasion->play;
    struct mautic_person *person = occasion->person;
    struct mautic_entry entry;
    bool given = true;
    if (play->campaign == MAUTIC_NO_CAMPAIGN || occasion->no_campaign)
        return true;
    if (!entry_of(job, occasion, &entry))
        return false;
    if (!play->dunning && !mautic_consent_given(job, person, &entry, &given))
        return false;
    if (!given) {
        mautic_person_say(job, person, "no campaign: %s",
                          person->opted_in ? person->contact.status : "opted out");
        return true;
    }
    if (!mautic_campaign_enter(job, occasion->m, &entry))
        return false;
    mautic_person_say(job, person, "in campaign %" PRId64, entry.campaign);
    return true;
}

// When it happened: the command was published then, however late it is handled.
static int64_t
happened_ms(const struct event *ev)
{
    int64_t at_ms;
    return clock_parse(ev->time, &at_ms) ? at_ms : clock_wall_ms();
}

static struct mautic_note
note_of(struct job *job, const struct mautic_occasion *occasion)
{
    const char *headline = occasion->play->note;
    const struct mautic_person *person = occasion->person;
    return (struct mautic_note){
        .contact = person->contact.id,
        .who = person->who,
        .cause = job_printf(job, "%s:%s", occasion->cause, headline),
        .headline = headline,
        .facts = occasion->facts,
        .at_ms = happened_ms(person->ev),
    };
}

static bool
note(struct job *job, const struct mautic_occasion *occasion)
{
    if (occasion->play->note == NULL)
        return true;
    const struct mautic_note written = note_of(job, occasion);
    return mautic_note_write(job, occasion->m, &written);
}

bool
mautic_play(struct job *job, const struct mautic_occasion *occasion)
{
    bool entered;
    return mautic_person_meet(job, occasion->person)
           && settle_entry(job, occasion, &entered) && join(job, occasion)
           && leave(job, occasion) && (entered || enter(job, occasion))
           && note(job, occasion) && mautic_person_part(job, occasion->person);
}

// After Mautic, or we, were away for days, all that waited is handled at once.
static const char *
why_late(struct job *job, struct json_object *data, const char *told)
{
    int64_t until_ms;
    int64_t after_ms;
    int64_t told_ms;
    if (clock_parse(json_string_or(data, "until", ""), &until_ms)
        && job_now_ms(job) >= until_ms)
        return "skipped: too late, the next one stands for it";
    return clock_parse(json_string_or(data, "after", ""), &after_ms)
                   && clock_parse(told, &told_ms) && told_ms > after_ms
               ? "skipped: the last one went out only just before"
               : NULL;
}

bool
mautic_play_late(struct job *job, const struct mautic_occasion *occasion,
                 const char *told, const char **why)
{
    struct mautic_entry entry;
    bool entered = false;
    *why = why_late(job, occasion->person->ev->data, told);
    if (*why == NULL)
        return true;
    if (!entry_of(job, occasion, &entry)
        || !mautic_campaign_entered(job, &entry, &entered))
        return false;
    if (entered)
        *why = NULL;
    return true;
}

// Of a person who is not met this time: who he was the last time, if he was.
static bool
entry_unmet(struct job *job, const struct mautic_occasion *occasion,
            struct mautic_entry *entry)
{
    struct json_object *memory = ledger_state(job, occasion->person->ev->key);
    if (memory == NULL || !entry_of(job, occasion, entry))
        return false;
    entry->contact = json_string_or(memory, "contact", NULL);
    return true;
}

bool
mautic_play_skip(struct job *job, const struct mautic_occasion *occasion)
{
    const struct mautic_play *play = occasion->play;
    struct mautic_entry entry;
    if (play->join != MAUTIC_NO_SEGMENT
        && !mautic_person_lost(job, occasion->person->ev->key))
        return false;
    if (play->campaign != MAUTIC_NO_CAMPAIGN
        && (!entry_unmet(job, occasion, &entry)
            || !mautic_campaign_give_up(job, occasion->m, &entry)))
        return false;
    if (play->note == NULL)
        return true;
    const struct mautic_note unwritten = note_of(job, occasion);
    return mautic_note_give_up(job, &unwritten);
}
