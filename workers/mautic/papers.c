#include "workers/mautic/papers.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/money.h"
#include "common/refund.h"
#include "common/settlement.h"
#include "workers/mautic/play.h"

static bool
is_one_of(const char *word, const char *const words[])
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

// Copies those members that have a value, as text.
static struct json_object *
facts_of(struct job *job, struct json_object *row, const char *const names[])
{
    struct json_object *facts = json_object_in(job);
    for (; *names != NULL; names++) {
        const char *text = json_text_or(row, *names, NULL);
        if (text != NULL)
            json_set_string(facts, *names, text);
    }
    return facts;
}

// ---- quotes

static const char quote_fields[] =
    "id,status,quote_number,total,currency,valid_until,owner_company_id."
    "code," MAUTIC_PERSON_FIELDS("contact_id.");
static const char *const quote_facts[] = {"quote_number", "total", "currency",
                                          "valid_until", NULL};
static const char *const open_states[] = {"sent", "viewed", NULL};
static const char *const withdrawn_states[] = {"draft", "rejected", "expired", NULL};

// How often the quote was sent and taken back: {round, sent}. What is done once for it
// is done once a round. {told} is when the person last heard of it.
struct round {
    const char *entity;
    struct json_object *memory;
    int64_t number;
};

static bool
read_round(struct job *job, const char *quote, struct round *round)
{
    round->entity = job_printf(job, "quote:%s", quote);
    round->memory = ledger_state(job, round->entity);
    round->number = json_i64_or(round->memory, "round", 1);
    return round->memory != NULL;
}

// Sending opens the round, as soon as it is begun: what it has done counts although the
// command never comes to its end.
static void
open_round(struct job *job, const struct event *ev, const struct round *round)
{
    if (strcmp(ev->type, "mautic.quote-sent") != 0
        || json_bool_or(round->memory, "sent", false))
        return;
    json_set_i64(round->memory, "round", round->number);
    json_set_bool(round->memory, "sent", true);
    settlement_state(job, round->entity, round->memory);
    settlement_state_stays(job, round->entity);
}

// Closing ends the round, so that the quote can be sent once more.
static void
keep_round(struct job *job, const struct event *ev, const struct round *round)
{
    bool sent = json_bool_or(round->memory, "sent", false);
    int64_t number = round->number;
    if (mautic_play_of(ev->type)->campaign != MAUTIC_NO_CAMPAIGN) {
        char now[CLOCK_TEXT];
        clock_format(job_now_ms(job), now);
        json_set_string(round->memory, "told", now);
    }
    if (strcmp(ev->type, "mautic.quote-closed") == 0 && sent) {
        sent = false;
        number++;
    }
    json_set_i64(round->memory, "round", number);
    json_set_bool(round->memory, "sent", sent);
    settlement_state(job, round->entity, round->memory);
}

// The round is over also where there is nobody to tell. What was sent on to another
// lane ends it there.
static bool
close_unmet(struct job *job, const struct mautic_person *person, const char *quote)
{
    struct round round;
    if (person->email != NULL || strcmp(person->ev->type, "mautic.quote-closed") != 0)
        return true;
    if (!read_round(job, quote, &round))
        return false;
    keep_round(job, person->ev, &round);
    return true;
}

// Each follow-up is a cause of its own; everything else happens once a round.
static const char *
cause_in_round(struct job *job, const struct event *ev, const struct round *round)
{
    const char *cause = job_printf(job, "%s:r%" PRId64, round->entity, round->number);
    if (strcmp(ev->type, "mautic.quote-followup") != 0)
        return cause;
    return job_printf(job, "%s:%s", cause, event_identity(ev));
}

// Why a follow-up would be out of place, or NULL.
static const char *
why_no_followup(struct job *job, struct json_object *quote)
{
    const char *status = json_string_or(quote, "status", "");
    const char *valid_until = json_string_or(quote, "valid_until", NULL);
    if (!is_one_of(status, open_states))
        return job_printf(job, "skipped: the quote is %.20s", status);
    if (valid_until != NULL && strcmp(valid_until, job_today(job)) < 0)
        return "skipped: the quote is no longer valid";
    return NULL;
}

bool
mautic_about_quote(struct job *job, const struct mautic *m, const struct event *ev)
{
    struct round round;
    const char *id = mautic_named(job, ev, "quote");
    if (id == NULL)
        return false;
    struct json_object *quote =
        directus_read(&m->directus, job, "quotes", id, quote_fields);
    if (quote == NULL)
        return false;
    const char *status = json_string_or(quote, "status", "");
    struct mautic_person person = {
        .m = m,
        .ev = ev,
        .company = json_string_or(quote, "owner_company_id.code", ev->company),
    };
    if (!mautic_person_of_contact(job, &person, json_at(quote, "contact_id")))
        return close_unmet(job, &person, id);
    const char *why = strcmp(ev->type, "mautic.quote-followup") == 0
                          ? why_no_followup(job, quote)
                          : NULL;
    if (!read_round(job, id, &round))
        return false;
    const struct mautic_occasion occasion = {
        .m = m,
        .play = mautic_play_of(ev->type),
        .person = &person,
        .company = person.company,
        .cause = cause_in_round(job, ev, &round),
        .facts = facts_of(job, quote, quote_facts),
        .no_join = !is_one_of(status, open_states),
        .no_campaign = is_one_of(status, withdrawn_states),
    };
    const char *told = json_string_or(round.memory, "told", "");
    if (why == NULL && !mautic_play_late(job, &occasion, told, &why))
        return false;
    if (why != NULL) {
        settlement_note(job, "%s", why);
        return mautic_play_skip(job, &occasion);
    }
    open_round(job, ev, &round);
    if (!mautic_play(job, &occasion))
        return false;
    keep_round(job, ev, &round);
    return true;
}

// ---- invoices

static const char invoice_fields[] =
    "id,status,invoice_number,is_deposit,amount,amount_paid,balance,currency,due_date,"
    "owner_company,last_reminder_level," REFUND_FIELDS
    "," MAUTIC_PERSON_FIELDS("contact_id.");
static const char *const invoice_facts[] = {
    "invoice_number", "amount", "amount_paid", "balance", "currency", "due_date", NULL};
static const char *const unpaid_states[] = {"sent", "partial", "overdue", NULL};

static const char *const levels[] = {"first", "second", "final", "collection", NULL};

// Its place in the ladder, from 1; 0 for none.
static int
rank_of(const char *level)
{
    for (int i = 0; levels[i] != NULL; i++)
        if (strcmp(levels[i], level) == 0)
            return i + 1;
    return 0;
}

// Why a reminder of that level would be wrong, or NULL.
static const char *
why_no_reminder(struct job *job, struct json_object *invoice, const char *level)
{
    const char *status = json_string_or(invoice, "status", "");
    const char *due = json_string_or(invoice, "due_date", "");
    const char *balance = json_text_or(invoice, "balance", NULL);
    int64_t cents;
    if (!is_one_of(status, unpaid_states))
        return job_printf(job, "skipped: the invoice is %.20s", status);
    if (balance != NULL && money_parse(balance, &cents) && cents <= 0)
        return "skipped: nothing is owed";
    if (refund_is_any(invoice))
        return "skipped: a payment was refunded, a person decides";
    if (rank_of(json_string_or(invoice, "last_reminder_level", "")) > rank_of(level))
        return "skipped: a higher level stands for it";
    return due[0] == '\0' || strcmp(due, job_today(job)) >= 0
               ? "skipped: the invoice is not overdue"
               : NULL;
}

// The payment that the command names, else the invoice's latest.
static bool
find_payment(struct job *job, const struct mautic *m, const struct event *ev,
             const char *invoice, const char **payment)
{
    const struct http_header query[] = {{"filter[invoice_id][_eq]", invoice},
                                        {"filter[status][_eq]", "completed"},
                                        {"sort", "-payment_date,-id"},
                                        {"fields", "id"},
                                        {"limit", "1"},
                                        {NULL}};
    if (json_text_or(ev->data, "payment", "")[0] != '\0') {
        *payment = mautic_named(job, ev, "payment");
        return *payment != NULL;
    }
    struct json_object *rows = directus_list(&m->directus, job, "payments", query);
    if (rows == NULL)
        return false;
    *payment = json_string_or(json_object_array_get_idx(rows, 0), "id", NULL);
    return true;
}

// The level that the command names; NULL with an error.
static const char *
read_level(struct job *job, const struct event *ev)
{
    const char *level = json_string(job, ev->data, "level");
    if (level == NULL || rank_of(level) > 0)
        return level;
    error_permanent(&job->error,
                    "level must be first, second, final or collection, not \"%.20s\"",
                    level);
    return NULL;
}

// What happens once: a level of an invoice, a payment; NULL where there is no payment.
// *why says why nothing is to be done, or stays NULL.
static bool
cause_of_invoice(struct job *job, const struct mautic *m, const struct event *ev,
                 struct json_object *invoice, const char **cause, const char **why)
{
    const char *id = json_string_or(invoice, "id", "");
    const char *payment;
    *cause = NULL;
    *why = NULL;
    if (strcmp(ev->type, "mautic.payment-reminder") == 0) {
        const char *level = read_level(job, ev);
        if (level == NULL)
            return false;
        *cause = job_printf(job, "invoice:%s:%s", id, level);
        *why = why_no_reminder(job, invoice, level);
        return true;
    }
    if (strcmp(ev->type, "mautic.invoice-closed") == 0) {
        *cause = job_printf(job, "invoice:%s", id);
        return true;
    }
    if (!find_payment(job, m, ev, id, &payment))
        return false;
    if (payment == NULL)
        *why = "skipped: the invoice has no payment";
    else
        *cause = job_printf(job, "payment:%s", payment);
    return true;
}

bool
mautic_about_invoice(struct job *job, const struct mautic *m, const struct event *ev)
{
    const char *cause;
    const char *why;
    const char *id = mautic_named(job, ev, "invoice");
    if (id == NULL)
        return false;
    struct json_object *invoice =
        directus_read(&m->directus, job, "client_invoices", id, invoice_fields);
    if (invoice == NULL)
        return false;
    struct mautic_person person = {
        .m = m,
        .ev = ev,
        .company = json_string_or(invoice, "owner_company", ev->company),
    };
    if (!mautic_person_of_contact(job, &person, json_at(invoice, "contact_id")))
        return true;
    if (!cause_of_invoice(job, m, ev, invoice, &cause, &why))
        return false;
    if (cause == NULL) {
        settlement_note(job, "%s", why);
        return true;
    }
    struct json_object *facts = facts_of(job, invoice, invoice_facts);
    json_set_bool(facts, "is_deposit", json_bool_or(invoice, "is_deposit", false));
    const char *level = json_string_or(ev->data, "level", NULL);
    if (level != NULL)
        json_set_string(facts, "level", level);
    const struct mautic_occasion occasion = {
        .m = m,
        .play = mautic_play_of(ev->type),
        .person = &person,
        .company = person.company,
        .cause = cause,
        .facts = facts,
    };
    if (why == NULL && !mautic_play_late(job, &occasion, "", &why))
        return false;
    if (why == NULL)
        return mautic_play(job, &occasion);
    settlement_note(job, "%s", why);
    return mautic_play_skip(job, &occasion);
}

// ---- contacts

static const char contact_fields[] = MAUTIC_PERSON_FIELDS("");

static bool
sync_contact(struct job *job, struct mautic_person *person)
{
    return mautic_person_meet(job, person) && mautic_person_part(job, person);
}

bool
mautic_about_contact(struct job *job, const struct mautic *m, const struct event *ev)
{
    struct mautic_person person = {.m = m, .ev = ev};
    const struct mautic_play *play = mautic_play_of(ev->type);
    struct json_object *body = json_at(ev->data, "body");
    const char *id = json_string_or(ev->data, "contact", NULL);
    if (id == NULL && body != NULL)
        return !mautic_person_of_body(job, &person, body) || sync_contact(job, &person);
    id = mautic_named(job, ev, "contact");
    if (id == NULL)
        return false;
    struct json_object *row =
        directus_read(&m->directus, job, "people", id, contact_fields);
    if (row == NULL)
        return false;
    if (!mautic_person_of_contact(job, &person, row))
        return true;
    if (play == NULL)
        return sync_contact(job, &person);
    const struct mautic_occasion occasion = {
        .m = m,
        .play = play,
        .person = &person,
        .company = person.company,
        .cause = "welcome",
        .facts = json_object_in(job),
    };
    return mautic_play(job, &occasion);
}
