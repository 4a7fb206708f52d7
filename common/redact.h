// common/redact.h - texts of other services for people's eyes, without what opens a
// door.
#ifndef RELAIS_REDACT_H
#define RELAIS_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

// Whether a member, parameter or header of that name holds a secret: a signing link or
// its slug, a token, a key, a password.
bool redact_is_secret(const char *name, size_t length);

// Appends the text, UTF-8, to out until it is full (out->failed), with *** in the place
// of every value behind a secret's name ("token": ..., token=..., in JSON also a whole
// object), of all that follows the host of a URL, since links are keys to what they
// name, and of the `secrets` (ended by NULL; may be NULL) wherever they stand. The text
// may be JSON, a form, a query, a page, and may be cut anywhere; JSON stays JSON.
void redact_text(struct str *out, const char *text, size_t length,
                 const char *const secrets[]);

#endif
