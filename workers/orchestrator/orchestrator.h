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
    int64_t sent_count; // entries into `sent`
    int64_t sequence;   // highest ce_sequence acted on, -1 for none
    bool unseen;        // our own write of the status has not come back yet
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

// What happened besides facts, in the words of the table of chains.
#define WHEN_BACK_TO_DRAFT "quotes: sent or viewed -> draft"
#define WHEN_CGV_PENDING "cgv_acceptances: became pending_signature"
#define WHEN_INVOICE_BILLED "client_invoices: a billed field changed"
#define WHEN_INVOICE_STATUS "client_invoices: set to sent or cancelled"
#define WHEN_PAYMENT_BOOKED "payments: created by a person"

// One thing that happened.
struct orchestrator_occasion {
    const struct orchestrator *o;
    const char *when;        // a fact's type, or one of WHEN_*
    const char *cause;       // what the commands' ids derive from
    const char *root;        // "quote:<uuid>"
    const char *noun;        // member that carries the id: "quote"
    const char *id;          // "<uuid>"
    const char *company;     // owner company's code
    const char *at;          // instant, RFC 3339
    const char *to;          // of WHEN_INVOICE_STATUS
    struct json_object *row; // the row that says so, or NULL: it is read when needed
    struct orchestrator_memory *memory;
    const char *said; // collected for the journey step
};

// Does what follows: the quote's status and stamps, then the commands.
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

// ---- quotes.c, acceptances.c, people.c, invoices.c: one function per collection

// Handlers: a row that moved becomes facts and commands.
bool orchestrator_quote(struct job *job, const struct event *ev, void *state);
bool orchestrator_acceptance(struct job *job, const struct event *ev, void *state);
bool orchestrator_lead(struct job *job, const struct event *ev, void *state);
bool orchestrator_contact(struct job *job, const struct event *ev, void *state);
bool orchestrator_invoice(struct job *job, const struct event *ev, void *state);
bool orchestrator_invoice_item(struct job *job, const struct event *ev, void *state);
bool orchestrator_payment(struct job *job, const struct event *ev, void *state);

// orchestrator.fact, from `/orchestrate`: publishes the fact if it is new.
bool orchestrator_asked(struct job *job, const struct event *ev, void *state);

// ---- quote_status.c: the states of a quote, pure

// Whether an event may move a quote from one status to the other.
bool orchestrator_quote_may_move(const char *from, const char *to);
// What a quote's status becoming `to` means: a fact's type, WHEN_BACK_TO_DRAFT, or NULL
// for nothing. from is "" for a new row.
const char *orchestrator_quote_meaning(const char *from, const char *to);
// Whether only a person may have done this, against the order of things.
bool orchestrator_quote_is_backwards(const char *from, const char *to);
// Whether a quote in this status has been sent.
bool orchestrator_quote_was_sent(const char *status);

#endif
