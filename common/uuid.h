// common/uuid.h - UUIDs: version 5 for every identity that must come out the same
// twice.
#ifndef RELAIS_UUID_H
#define RELAIS_UUID_H

#include <stdbool.h>
#include <stddef.h>

enum { UUID_TEXT = 37 };

// Version 5 (SHA-1) of the parts, joined by '\n', in Relais's own name space. parts
// ends with NULL. Writes lower-case text with NUL. Deterministic for ever: ids in
// Directus and at the providers hang on it.
void uuid_of(const char *const parts[], char out[UUID_TEXT]);

// Version 4, from the kernel's random numbers.
void uuid_random(char out[UUID_TEXT]);

// Whether text is a UUID in its usual form (either case).
bool uuid_is(const char *text);

#endif
