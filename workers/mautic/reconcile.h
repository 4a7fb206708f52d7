// workers/mautic/reconcile.h - what happened in Mautic, told by a webhook or a sweep.
#ifndef RELAIS_MAUTIC_RECONCILE_H
#define RELAIS_MAUTIC_RECONCILE_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/mautic/contact.h"

struct json_object;
struct mautic;

// The number of the contact an event speaks of; NULL, with a PERMANENT error, where it
// names none.
const char *mautic_reconcile_object(struct job *job, const struct event *ev);

// The same, as the name under which looks are joined. For handler.object.
const char *mautic_hint_object(struct job *job, const struct event *ev);

// Looks at the contact the event speaks of, and brings Directus up to date: consent,
// and rows that know the contact by a number it has no more.
bool mautic_reconcile(struct job *job, const struct mautic *m,
                      const struct event *ev) ATTR_MUST_CHECK;

// The same, but for a webhook that carries no news (the echo of our own write): it is
// finished without a look.
bool mautic_reconcile_news(struct job *job, const struct mautic *m,
                           const struct event *ev) ATTR_MUST_CHECK;

// The contact was deleted, or merged into another: rows that know it by its number get
// the number of who has their address now, or none.
bool mautic_reconcile_gone(struct job *job, const struct mautic *m,
                           const struct event *ev) ATTR_MUST_CHECK;

// Whether the contact, of a webhook or a list, says nothing that is not in the person's
// memory: the echo of our own write, or a field that is Directus's to say.
bool mautic_is_known(struct json_object *memory, const struct mautic_contact *contact);

#endif
