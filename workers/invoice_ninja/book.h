// workers/invoice_ninja/book.h - a payment that a person made in Directus, booked in
// Invoice Ninja.
#ifndef RELAIS_NINJA_BOOK_H
#define RELAIS_NINJA_BOOK_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;

// invoice-ninja.payment.create {payment}.
bool ninja_book(struct job *job, const struct ninja *ninja,
                const struct event *ev) ATTR_MUST_CHECK;

#endif
