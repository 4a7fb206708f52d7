// common/money.h - money as int64 minor units (centimes), never floating point.
#ifndef RELAIS_MONEY_H
#define RELAIS_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

enum { MONEY_TEXT = 24 };

// Reads "1200.5", "1200.50", "1200" or "-3.20" (numeric(12,2) as Directus prints it, as
// JSON text of a string or a number) into centimes. More than two decimals that are not
// 0, an exponent or an overflow: false.
bool money_parse(const char *text, int64_t *cents) ATTR_MUST_CHECK;

// Writes "1200.50".
void money_format(int64_t cents, char out[MONEY_TEXT]);

#endif
