// workers/invoice_ninja/amount.h - how much a deposit is, and of which VAT rates it
// consists: pure arithmetic on whole centimes.
#ifndef RELAIS_NINJA_AMOUNT_H
#define RELAIS_NINJA_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

enum { NINJA_RATES_MAX = 16 };

// What decides on a deposit. Percentages and rates are in hundredths: 30 % is 3000.
struct ninja_deposit_rule {
    int64_t total_cents; // of the quote, VAT included
    int64_t percent;     // 0 to 10000
    int64_t min_cents;   // a quote with a smaller total has no deposit; 0: no limit
    int64_t max_cents;   // no deposit is larger; 0: no limit
};

// The deposit: half-up rounding to the centime of total x percent; 0 is none. False:
// the rule's numbers are out of range.
bool ninja_deposit_amount(const struct ninja_deposit_rule *rule,
                          int64_t *cents) ATTR_MUST_CHECK;

// The part of a deposit at one rate of VAT.
struct ninja_part {
    int64_t rate;   // in hundredths of a percent
    int64_t weight; // what the quote holds at this rate, VAT included
    int64_t cents;  // the part of the deposit
};

// Splits an amount over the parts by their weights; what rounding leaves over goes to
// the last. The sum of the parts is the amount. With no weight at all the last takes
// everything.
void ninja_deposit_split(int64_t cents, struct ninja_part parts[], size_t count);

// Adds the weight of an item to the part of its rate, or makes one. False: more than
// NINJA_RATES_MAX rates, or out of range.
bool ninja_part_add(struct ninja_part parts[], size_t *count, int64_t rate,
                    int64_t net_cents) ATTR_MUST_CHECK;

// A decimal text ("8.1", "8.100") in units of 10^-places, rounded half up; more digits
// are fine. False: not a decimal, or out of range.
bool ninja_decimal(const char *text, int places, int64_t *value) ATTR_MUST_CHECK;

// quantity x price, less discount (percent), as centimes: quantity in thousandths,
// discount in hundredths. False: out of range.
bool ninja_item_net(int64_t quantity_milli, int64_t price_cents, int64_t discount,
                    int64_t *cents) ATTR_MUST_CHECK;

#endif
