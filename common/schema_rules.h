// common/schema_rules.h - reads the rules of a schema (private to schema.c).
#ifndef RELAIS_SCHEMA_RULES_H
#define RELAIS_SCHEMA_RULES_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"

struct json_object;

// Whether the document has rules that are understood, and only such. The error
// (PERMANENT) names the place of the first one that is not.
bool schema_rules_known(struct json_object *document,
                        struct error *err) ATTR_MUST_CHECK;

// The rules that a "$ref" names; NULL if there are none. Belongs to the document.
struct json_object *schema_rules_at(struct json_object *document, const char *ref);

#endif
