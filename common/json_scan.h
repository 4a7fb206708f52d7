// common/json_scan.h - looks a few members up in a JSON text without making objects of
// all of it: for ingest, where each webhook is looked into once. Takes what
// json_parse() takes, at a tenth of its price.
#ifndef RELAIS_JSON_SCAN_H
#define RELAIS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

// One value of the text: where it stands, and the mark that follows all within it.
// Names of members have a mark too, before their value's.
struct json_mark {
    uint32_t start, length; // of a string without its quotes
    uint32_t next;
    char kind; // as json_scan_kind()
};

struct json_scan {
    const char *text; // the caller's; lives longer than what is looked up
    const struct json_mark *marks;
    uint32_t count;
};

enum { JSON_ROOT = 0, JSON_NONE = INT32_MAX }; // values; NONE is no value

// Reads the whole text. False: job->error is PERMANENT and says where it broke.
bool json_scan(struct job *job, const void *text, size_t length,
               struct json_scan *scan) ATTR_MUST_CHECK;

// The value at a dotted path below another, as json_at(): JSON_NONE if absent or null.
// Of members of the same name the last one counts.
uint32_t json_scan_at(const struct json_scan *scan, uint32_t value, const char *path);

// '{' '[' '"' '0' (a number) 't' 'f' 'n'; 0 for JSON_NONE.
char json_scan_kind(const struct json_scan *scan, uint32_t value);

// Elements of an array, members of an object one after the other (names and values by
// turns): the first, and the one behind; JSON_NONE at the end, and for other values.
uint32_t json_scan_first(const struct json_scan *scan, uint32_t value);
uint32_t json_scan_next(const struct json_scan *scan, uint32_t parent, uint32_t value);

// The text of a string, or with _text_ of a string or a number, at the path; the
// fallback if it is something else or holds a NUL. Belongs to the job.
const char *json_scan_string_or(struct job *job, const struct json_scan *scan,
                                uint32_t value, const char *path, const char *fallback);
const char *json_scan_text_or(struct job *job, const struct json_scan *scan,
                              uint32_t value, const char *path, const char *fallback);

#endif
