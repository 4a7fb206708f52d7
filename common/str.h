// common/str.h - bounded strings.
#ifndef RELAIS_STR_H
#define RELAIS_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

// A growing byte string with a stated maximum. Appending past the maximum sets
// `failed`, which is checked once at the end; data is always NUL-terminated. Out of
// memory aborts.
struct str {
    char *data;
    size_t length; // bytes, without the NUL
    size_t room;
    size_t max; // bytes
    bool failed;
};

// Begins an empty string that may grow to max bytes; ends with str_end().
void str_begin(struct str *s, size_t max);
void str_end(struct str *s);
void str_append(struct str *s, const void *data, size_t length);
void str_puts(struct str *s, const char *text);
void str_printf(struct str *s, const char *fmt, ...) ATTR_PRINTF(2, 3);

// Copies text into out (size bytes with the NUL), cut if need be, never in the middle
// of a UTF-8 character. Returns false if it was cut. out may be text itself.
bool str_copy(char *out, size_t size, const char *text);

// How many of the `length` bytes of text fit into max bytes without cutting a UTF-8
// character in two.
size_t str_fit(const char *text, size_t length, size_t max);

// Whether text begins (ends) with prefix (suffix).
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

// Bytes of the UTF-8 character at data; 0 if there is none, a NUL or an invalid one.
size_t str_utf8_length(const void *data, size_t length);

// How many bytes at the beginning of data are valid UTF-8 without NUL, and whether all
// of them are.
size_t str_text_length(const void *data, size_t length);
bool str_is_text(const void *data, size_t length);

// Makes one printable line of text, in place: control characters become spaces, bytes
// that are no UTF-8 become question marks.
void str_clean(char *text);

// Reads a whole decimal number, nothing else around it. False: not one, or out of
// range; *value is then untouched.
bool str_to_i64(const char *text, long long *value) ATTR_MUST_CHECK;

// malloc, calloc, strdup, strndup that abort when memory is out: offsets are
// uncommitted then, so nothing is lost.
void *str_alloc(size_t bytes);
void *str_calloc(size_t count, size_t bytes);
void *str_realloc(void *old, size_t bytes);
char *str_dup(const char *text);
char *str_ndup(const char *text, size_t length);

#endif
