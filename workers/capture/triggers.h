// workers/capture/triggers.h - whether Directus's tables tell of their changes.
#ifndef RELAIS_CAPTURE_TRIGGERS_H
#define RELAIS_CAPTURE_TRIGGERS_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/pg.h"
#include "workers/capture/capture.h"

enum { CAPTURE_GAP_BYTES = 400 };

// Puts the triggers on collections that were made since, and where they are missing or
// were switched off, which is logged. gap becomes what readyz says of those it could
// not put in place (no right to do so, or somebody holds the table for long), or that
// there is no table of quotes; else "".
// Blocks for as long as Postgres takes. False with an error: the session is of no use.
bool capture_triggers_keep(struct pg *pg, const struct capture_settings *settings,
                           char gap[CAPTURE_GAP_BYTES],
                           struct error *err) ATTR_MUST_CHECK;

#endif
