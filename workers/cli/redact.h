// workers/cli/redact.h - JSON for people's eyes, without what opens a door.
#ifndef RELAIS_CLI_REDACT_H
#define RELAIS_CLI_REDACT_H

#include <stddef.h>

#include "common/str.h"

// Appends the JSON text without its secrets (common/redact.h). What is no JSON becomes
// a JSON string that says how long it is.
void redact_json(struct str *out, const char *text, size_t length);

#endif
