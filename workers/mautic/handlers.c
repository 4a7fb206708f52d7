// Events of the Mautic worker: the table is at the end; play.c has what each means.
#include <string.h>

#include "common/settlement.h"
#include "workers/mautic/lead.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/papers.h"
#include "workers/mautic/person.h"
#include "workers/mautic/reconcile.h"

// Something happened to a quote: sent, to be followed up, signed, closed.
// In:    mautic.quote-sent, .quote-followup, .quote-signed, .quote-closed {quote}
// Again: segments are sets; campaign and note belong to (contact, quote, round).
static bool
about_quote(struct job *job, const struct event *ev, void *state)
{
    return mautic_about_quote(job, state, ev);
}

// Something happened to an invoice: it is overdue, or money came, or nothing is owed
// any more.
// In:    mautic.payment-reminder {invoice, level}, .invoice-closed {invoice},
//        .payment-received {invoice, payment}
// Again: segments are sets; each level and each payment counts once.
static bool
about_invoice(struct job *job, const struct event *ev, void *state)
{
    return mautic_about_invoice(job, state, ev);
}

// A contact changed, or became a client.
// In:    mautic.contact.sync {contact or body}, mautic.welcome {contact}
// Again: what was written last is kept; the welcome is once in a contact's life.
static bool
about_contact(struct job *job, const struct event *ev, void *state)
{
    return mautic_about_contact(job, state, ev);
}

// A lead came or changed.
// In:    mautic.lead.sync {lead}
// Again: points by difference, each step an effect; nurturing once.
static bool
sync_lead(struct job *job, const struct event *ev, void *state)
{
    return mautic_lead_sync(job, state, ev);
}

// A command that was refused for good: it may have come half way.
static bool
given_up(struct job *job, const struct event *ev, void *state)
{
    (void)state;
    error_clear(&job->error);
    return mautic_person_lost(job, ev->key);
}

// Mautic says that somebody does or doesn't want mails any more, or a sweep that there
// is something to see.
// In:    mautic.contact.observed {remote_id}, webhooks of Mautic {body}
// Out:   contact.unsubscribed, contact.bounced, contact.resubscribed
// Again: the state agreed on is kept; the same state is nothing new.
static bool
look_at_contact(struct job *job, const struct event *ev, void *state)
{
    return mautic_reconcile(job, state, ev);
}

// Mautic says that a contact was saved: most often by ourselves.
// In:    webhooks of Mautic {body}
// Out:   as above, if it says anything new
// Again: as above.
static bool
look_for_news(struct job *job, const struct event *ev, void *state)
{
    return mautic_reconcile_news(job, state, ev);
}

// Mautic says a contact is gone.
// In:    mautic.lead_post_delete {body}
// Again: no row has the number any more.
static bool
forget_contact(struct job *job, const struct event *ev, void *state)
{
    return mautic_reconcile_gone(job, state, ev);
}

// What is of interest to people who look into Mautic, and to nobody else.
// In:    points, mails and forms {body}
static bool
take_note(struct job *job, const struct event *ev, void *state)
{
    (void)ev;
    (void)state;
    settlement_note(job, "nothing to do");
    return true;
}

#define GATE "mautic"
#define OBJECT mautic_hint_object

const struct handler mautic_handlers[] = {
    {"mautic.quote-sent", about_quote, given_up, GATE},
    {"mautic.quote-followup", about_quote, given_up, GATE},
    {"mautic.quote-signed", about_quote, given_up, GATE},
    {"mautic.quote-closed", about_quote, given_up, GATE},
    {"mautic.payment-reminder", about_invoice, given_up, GATE},
    {"mautic.payment-received", about_invoice, given_up, GATE},
    {"mautic.contact.sync", about_contact, NULL, GATE},
    {"mautic.invoice-closed", about_invoice, given_up, GATE},
    {"mautic.welcome", about_contact, given_up, GATE},
    {"mautic.lead.sync", sync_lead, given_up, GATE},
    {"mautic.contact.observed", look_at_contact, NULL, GATE, OBJECT, true},
    {"mautic.lead_channel_subscription_changed", look_at_contact, NULL, GATE, OBJECT,
     true},
    {"mautic.lead_post_save_new", look_for_news, NULL, GATE},
    {"mautic.lead_post_save_update", look_for_news, NULL, GATE},
    {"mautic.lead_post_delete", forget_contact, NULL, GATE},
    {"mautic.lead_points_change", take_note, NULL, NULL},
    {"mautic.email_on_open", take_note, NULL, NULL},
    {"mautic.email_on_send", take_note, NULL, NULL},
    {"mautic.form_on_submit", take_note, NULL, NULL},
    {0},
};
