// common/schema.h - the part of JSON Schema 2020-12 that schemas/ uses.
//
// Understood: type (one or several), required, properties, additionalProperties, items,
// enum, const, format (uuid, date-time, date), minimum, maximum, minLength, maxLength,
// pattern (a POSIX extended regular expression), $ref to "#" or "#/$defs/<name>",
// $defs, anyOf, oneOf. Said and not checked: $schema, $id, title, description,
// examples, x-refused, default, deprecated, $comment. Anything else is refused when the
// schema is opened, so that a slip in a schema cannot pass for a rule.
#ifndef RELAIS_SCHEMA_H
#define RELAIS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/error.h"

struct json_object;
struct schema;

// Reads a schema. The error (PERMANENT) names the place in it that is not understood.
// Read-only afterwards; may be used by several threads. NULL: failed.
struct schema *schema_open(const void *text, size_t length,
                           struct error *err) ATTR_MUST_CHECK;
void schema_close(struct schema *schema);

// Whether the value (NULL = JSON's null) is what the schema describes. The error
// (PERMANENT) names the first member that is not, and what it must be; it quotes
// nothing of the value. Does not block.
bool schema_check(const struct schema *schema, struct json_object *value,
                  struct error *err) ATTR_MUST_CHECK;

// The schema itself, for its title, description and examples. Belongs to the schema.
struct json_object *schema_document(const struct schema *schema);

#endif
