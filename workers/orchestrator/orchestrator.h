// workers/orchestrator/orchestrator.h - changes become facts, facts become commands.
#ifndef RELAIS_ORCHESTRATOR_H
#define RELAIS_ORCHESTRATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/directus.h"
#include "common/event.h"
#include "common/integration.h"
#include "common/job.h"

struct json_object;

struct orchestrator {
    const char *integrations; // INTEGRATIONS: those that run here, by comma
    const char *capture;      // CAPTURE: outbox or flow
    bool auto_signature;      // AUTO_SIGNATURE_ON_SENT
    int64_t followup_ms;      // QUOTE_FOLLOWUP_EVERY
    struct directus directus;
};

extern const struct handler orchestrator_handlers[];

// Whether the integration ("docuseal") is one of INTEGRATIONS.
bool orchestrator_runs(const struct orchestrator *o, const char *integration);

// ---- change.c: a row that moved in Directus

struct orchestrator_change {
    const char *collection; // our name of it
    const char *key;        // the row's id
    enum { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE } operation;
    bool hint;  // only says where to look: a flow's, or a replay
    bool early; // a hint younger than what it speaks of may take to show
    struct json_object *before; // the old row, or NULL
    struct json_object *after;  // the new row; of a hint only what was written, or NULL
};

// Reads the event's payload. *ignore: a flow's event where the outbox tells the same
// (CAPTURE=outbox). Errors: PERMANENT, naming the member.
bool orchestrator_change_read(struct job *job, const struct event *ev,
                              const struct orchestrator *o,
                              struct orchestrator_change *change,
                              bool *ignore) ATTR_MUST_CHECK;

// The row as it is now, with the fields named. *row is NULL where it is gone.
bool orchestrator_row(struct job *job, const struct orchestrator *o,
                      const char *collection, const char *id, const char *fields,
                      struct json_object **row) ATTR_MUST_CHECK;

// The owner company's code: the event's, or that of a row that was read (a flow does
// not know it). "" if neither says it.
const char *orchestrator_company(const struct event *ev, struct json_object *row);

// "the row may not show it yet: look again in a second". Returns false with the error.
bool orchestrator_look_again(struct job *job, const char *root);

// ---- memory.c: what was last acted on, in entity_state

struct orchestrator_memory {
    const char *entity; // "quote:<uuid>"
    bool known;         // whether there is anything
    const char *status; // last acted on; "" if unknown
    const char *hash;   // of the fields last passed on; "" if none
    const char *items;  // of an invoice: of its items when last passed on; "" if none
    int64_t sent_count; // entries into `sent`
    int64_t told_count; // changes of a lead or contact that were told of
    int64_t sequence;   // highest ce_sequence acted on, -1 for none
    bool unseen;        // our own write of the status has not come back yet
    const char *valid_until; // of a quote: the date its expiry stands for; "" = none
    const char *due_date;    // of an invoice: the date its reminders stand for
    const char *level;       // of an invoice: the last reminder; "" = none
};

bool orchestrator_remember(struct job *job, const char *entity,
                           struct orchestrator_memory *memory) ATTR_MUST_CHECK;
// Puts the memory into the settlement.
void orchestrator_keep(struct job *job, const struct orchestrator_memory *memory);

// Whether the change is older than what was acted on; counts its ce_sequence otherwise.
bool orchestrator_is_stale(struct job *job, const struct event *ev,
                           const struct orchestrator_change *change,
                           struct orchestrator_memory *memory);

// ---- chains.c: when -> then

// What happened besides facts, in the words of the table of chains. Only these have a
// colon.
#define WHEN_BACK_TO_DRAFT "quotes: sent or viewed -> draft"
#define WHEN_FOLLOWUP_DUE "quotes: nothing moved for days"
#define WHEN_DEPOSIT_PAID "quotes: the deposit is fully paid"
#define WHEN_CGV_PENDING "cgv_acceptances: became pending_signature"
#define WHEN_INVOICE_BILLED "client_invoices: a billed field changed"
#define WHEN_INVOICE_STATUS "client_invoices: set to sent or cancelled"
#define WHEN_PAYMENT_BOOKED "payments: created by a person"

// Timers, by the command that they send.
#define TIMER_FOLLOWUP "orchestrator.followup"
#define TIMER_EXPIRE "orchestrator.expire"
#define TIMER_OVERDUE "orchestrator.overdue"

// One thing that happened.
struct orchestrator_occasion {
    const struct orchestrator *o;
    const char *when;         // a fact's type, or one of WHEN_*
    const char *cause;        // what the commands' ids derive from
    const char *root;         // "quote:<uuid>"
    const char *noun;         // member that carries the id: "quote"
    const char *id;           // "<uuid>"
    const char *company;      // owner company's code
    const char *at;           // instant, RFC 3339
    const char *to;           // of WHEN_INVOICE_STATUS; the level of invoice.overdue
    const char *after;        // of what a timer says to Mautic: for which time it is
    const char *until;        // meant (RFC 3339); NULL: for any
    struct json_object *row;  // the row that says so, or NULL: it is read when needed
    struct json_object *data; // what the fact carries; NULL where there is no fact
    struct orchestrator_memory *memory; // of the row; NULL where its status stays
    int sent;                           // commands that went out
    const char *said;                   // collected for the journey step
};

struct orchestrator_step {
    const char *command;
    bool (*condition)(const struct orchestrator_occasion *occasion); // NULL: always
    // What the payload holds beside company and id. NULL: nothing.
    void (*payload)(struct job *job, const struct orchestrator_occasion *occasion,
                    struct json_object *data);
    const char *about; // member of the fact that carries the id; NULL: the occasion's
};

enum { CHAIN_STEPS = 3, CHAIN_TIMERS = 3 };

struct orchestrator_chain_row {
    const char *when;
    const char
        *status;       // quotes.status becomes this, or the chain ends where it may not
    const char *stamp; // a field that takes the instant, unless it is filled
    const char *flag;  // a field that becomes true
    struct orchestrator_step then[CHAIN_STEPS];
    const char *start[CHAIN_TIMERS]; // timers, ended by NULL
    const char *stop[CHAIN_TIMERS];
    // What follows beside commands, after them.
    bool (*also)(struct job *job, struct orchestrator_occasion *occasion);
};

extern const struct orchestrator_chain_row orchestrator_chains[];

// ---- chain_run.c: doing what the table says

// Does what follows: the quote's status and stamps, the commands, the timers, the rest.
bool orchestrator_chain(struct job *job,
                        struct orchestrator_occasion *occasion) ATTR_MUST_CHECK;

// Publishes the fact and does what follows from it in the same settle, so that it is
// finished when it is read back. data is completed with company and the noun's id.
bool orchestrator_fact(struct job *job, struct orchestrator_occasion *occasion,
                       const char *occurrence,
                       struct json_object *data) ATTR_MUST_CHECK;

// Adds a word to what the journey step will say.
void orchestrator_say(struct job *job, struct orchestrator_occasion *occasion,
                      const char *fmt, ...) ATTR_PRINTF(3, 4);

// The occasion that a fact of another worker is: `noun` names the member that carries
// the id. Errors: PERMANENT, naming the member.
bool orchestrator_occasion_from(struct job *job, const struct event *ev,
                                const struct orchestrator *o, const char *noun,
                                struct orchestrator_occasion *occasion) ATTR_MUST_CHECK;

// ---- timers.c: what is to be said later, and when

// Puts a timer of the table into the settlement, when its time is or at another one, or
// takes it back.
void orchestrator_timer_start(struct job *job,
                              const struct orchestrator_occasion *occasion,
                              const char *name);
void orchestrator_timer_start_at(struct job *job,
                                 const struct orchestrator_occasion *occasion,
                                 const char *name, int64_t due_ms);
void orchestrator_timer_stop(struct job *job,
                             const struct orchestrator_occasion *occasion,
                             const char *name);

// The expiry follows an edited valid_until, reminders an edited due_date or a status
// that is no longer open; the memory says what they stand for.
void orchestrator_timer_follow_quote(struct job *job,
                                     struct orchestrator_occasion *occasion,
                                     const char *status);
void orchestrator_timer_follow_invoice(struct job *job,
                                       struct orchestrator_occasion *occasion);

// The instant of business at which a timer's command is judged: what the database's
// clock said was due is due, whatever ours says, and for those who follow too.
int64_t orchestrator_timer_now(struct job *job, const struct event *ev);

// ---- reminders.c: the ladder of an overdue invoice, pure

// The level after so many days overdue, "" for none (0 and below).
const char *orchestrator_reminder_level(int64_t days);
// Whether `level` is beyond `last`; "" is before all.
bool orchestrator_reminder_is_beyond(const char *level, const char *last);
// When the level after `last` begins: local midnight. False: there is none, or due_date
// is not a date.
bool orchestrator_reminder_next(const char *due_date, const char *last,
                                int64_t *due_ms) ATTR_MUST_CHECK;
// Whether an invoice of that status is waiting for money.
bool orchestrator_reminder_is_open(const char *status);

// ---- due.c: what the timers send; handlers
bool orchestrator_followup(struct job *job, const struct event *ev, void *state);
bool orchestrator_expire(struct job *job, const struct event *ev, void *state);
bool orchestrator_overdue(struct job *job, const struct event *ev, void *state);

// ---- facts.c: what other workers say; handlers
bool orchestrator_quote_fact(struct job *job, const struct event *ev, void *state);
bool orchestrator_invoice_fact(struct job *job, const struct event *ev, void *state);

// ---- convert.c

// What follows once: the contact becomes a client, its firm and its leads are told.
bool orchestrator_convert(struct job *job, struct orchestrator_occasion *occasion);

// ---- payments.c

// What a payment does to the quote whose deposit it pays. For the table.
bool orchestrator_pay_deposit(struct job *job, struct orchestrator_occasion *occasion);
bool orchestrator_look_at_refund(struct job *job,
                                 struct orchestrator_occasion *occasion);

// Says payment.received for one of the invoice's completed payments, or (payment NULL)
// for all. The occasion is about the invoice, its row has ORCHESTRATOR_PAID_FIELDS.
bool orchestrator_say_paid(struct job *job, struct orchestrator_occasion *invoice,
                           const char *payment) ATTR_MUST_CHECK;

// Whether it is one that Invoice Ninja's worker makes of a quote.
bool orchestrator_is_deposit(struct json_object *invoice);

// What the completed payments of an invoice bring: *all are their rows, *fully whether
// that is its amount. Errors: PERMANENT, naming an amount or a currency that is none.
bool orchestrator_paid(struct job *job, const struct orchestrator *o, const char *id,
                       struct json_object *invoice, struct json_object **all,
                       bool *fully) ATTR_MUST_CHECK;

// Whether the completed payments of an invoice, read with its amount and
// "payments.status,payments.amount", come to its amount. What is no amount does not
// count.
bool orchestrator_is_covered(struct json_object *invoice);

// Fields of client_invoices that a payment's occasion needs, with its quote and person.
#define ORCHESTRATOR_PAID_FIELDS                                                \
    "id,status,type,is_deposit,amount,balance,currency,due_date,owner_company," \
    "last_reminder_level,invoice_ninja_id,company_id,contact_id.id,"            \
    "contact_id.email,quote_id.id,"                                             \
    "quote_id.status,quote_id.deposit_paid,quote_id.deposit_paid_at,"           \
    "quote_id.company_id,quote_id.contact_id.id,quote_id.contact_id.email"

// ---- lanes.c: the key of a command is its receiver's own object

// The lane of the integration's command. *key is NULL where there can be none (a person
// without e-mail); *why says so.
bool orchestrator_lane(struct job *job, struct orchestrator_occasion *occasion,
                       const char *integration, const char **key,
                       const char **why) ATTR_MUST_CHECK;

// ---- transitions.c: how a row moved

// One comparison.
struct orchestrator_sight {
    const struct orchestrator *o;
    const struct event *ev;
    const struct orchestrator_change *change;
    struct orchestrator_memory *memory;
    const char *fields;      // of a read, where one is needed
    struct json_object *row; // as it is now; NULL: gone
    const char *from;        // status; "" for a new row
    const char *to;          // status
};

// Fills row, from and to. row is NULL where there is nothing to do, which was noted.
// `meaning` says whether a move means anything: what does not, and contradicts the
// memory, is read again. RATE_LIMITED: a hint came before what it speaks of.
bool orchestrator_look(struct job *job, struct orchestrator_sight *sight,
                       const char *(*meaning)(const char *from,
                                              const char *to)) ATTR_MUST_CHECK;

// Reads row and `to`; notes where the row is gone.
bool orchestrator_look_now(struct job *job,
                           struct orchestrator_sight *sight) ATTR_MUST_CHECK;

// What the chain is told about it.
struct orchestrator_occasion
orchestrator_occasion_of(struct job *job, const struct orchestrator_sight *sight,
                         const char *when, const char *noun);

// ---- quotes.c, acceptances.c, people.c, invoices.c, payments.c: one function per
// collection

// Handlers: a row that moved becomes facts and commands.
bool orchestrator_quote(struct job *job, const struct event *ev, void *state);
bool orchestrator_acceptance(struct job *job, const struct event *ev, void *state);
bool orchestrator_lead(struct job *job, const struct event *ev, void *state);
bool orchestrator_contact(struct job *job, const struct event *ev, void *state);
bool orchestrator_invoice(struct job *job, const struct event *ev, void *state);
bool orchestrator_invoice_item(struct job *job, const struct event *ev, void *state);
bool orchestrator_payment(struct job *job, const struct event *ev, void *state);

// All that a quote's facts and commands need, so that nothing is read twice.
#define ORCHESTRATOR_QUOTE_FIELDS                                                    \
    "id,status,sent_at,signed_at,is_signed,signature_level,requires_company_"        \
    "signature,valid_until,last_followup_at,followup_count,"                         \
    "total,currency,decline_reason,docuseal_submission_id,company_id,contact_id.id," \
    "contact_id.email,owner_company_id.code"

// The contact of a row, whether it was read with its fields or as an id; NULL if none.
const char *orchestrator_contact_of(struct json_object *row);

// Acts on what a sight of a quote shows.
bool orchestrator_quote_settle(struct job *job,
                               struct orchestrator_sight *sight) ATTR_MUST_CHECK;

// ---- asked.c: orchestrator.fact, from `/orchestrate`; publishes the fact if it is new
bool orchestrator_asked(struct job *job, const struct event *ev, void *state);

// ---- quote_status.c: the states of a quote, pure

// Whether an event may move a quote from one status to the other.
bool orchestrator_quote_may_move(const char *from, const char *to);
// What a quote's status becoming `to` means: a fact's type, WHEN_BACK_TO_DRAFT, or NULL
// for nothing. from is "" for a new row.
const char *orchestrator_quote_meaning(const char *from, const char *to);
// Whether only a person may have done this, against the order of things.
bool orchestrator_quote_is_backwards(const char *from, const char *to);
// Whether a quote in this status waits for its signature.
bool orchestrator_quote_is_open(const char *status);
// Whether a quote in this status has been sent.
bool orchestrator_quote_was_sent(const char *status);

#endif
