#include "workers/invoice_ninja/amount.h"

#include <string.h>

enum { WHOLE = 10000 }; // 100 % in hundredths

#define WEIGHT_MAX INT64_C(100000000000000000) // NINJA_RATES_MAX of them add up

// value x numerator / denominator, half up (away from zero). False on an overflow.
static bool
scale(int64_t value, int64_t numerator, int64_t denominator, int64_t *result)
{
    int64_t product;
    if (__builtin_mul_overflow(value, numerator, &product))
        return false;
    int64_t half = product < 0 ? -(denominator / 2) : denominator / 2;
    if (__builtin_add_overflow(product, half, &product))
        return false;
    *result = product / denominator;
    return true;
}

bool
ninja_deposit_amount(const struct ninja_deposit_rule *rule, int64_t *cents)
{
    int64_t amount;
    if (rule->total_cents < 0 || rule->percent < 0 || rule->percent > WHOLE
        || !scale(rule->total_cents, rule->percent, WHOLE, &amount))
        return false;
    if (rule->total_cents < rule->min_cents)
        amount = 0;
    if (rule->max_cents > 0 && amount > rule->max_cents)
        amount = rule->max_cents;
    *cents = amount;
    return true;
}

// cents x weight / sum without overflow: weights are made small first, which moves a
// part by less than a centime in a billion.
static int64_t
share(int64_t cents, int64_t weight, int64_t sum)
{
    int64_t part = 0;
    while (sum > 0 && !scale(cents, weight, sum, &part)) {
        weight /= 2;
        sum /= 2;
    }
    return part;
}

void
ninja_deposit_split(int64_t cents, struct ninja_part parts[], size_t count)
{
    int64_t sum = 0;
    int64_t left = cents;
    for (size_t i = 0; i < count; i++)
        sum += parts[i].weight;
    for (size_t i = 0; i + 1 < count; i++) {
        parts[i].cents = share(cents, parts[i].weight, sum);
        left -= parts[i].cents;
    }
    if (count > 0)
        parts[count - 1].cents = left;
}

bool
ninja_part_add(struct ninja_part parts[], size_t *count, int64_t rate,
               int64_t net_cents)
{
    size_t i = 0;
    int64_t gross;
    if (rate < 0 || rate > WHOLE || !scale(net_cents, WHOLE + rate, WHOLE, &gross))
        return false;
    while (i < *count && parts[i].rate != rate)
        i++;
    if (i == NINJA_RATES_MAX)
        return false;
    if (i == *count)
        parts[(*count)++] = (struct ninja_part){.rate = rate};
    if (__builtin_add_overflow(parts[i].weight, gross, &gross) || gross > WEIGHT_MAX
        || gross < -WEIGHT_MAX)
        return false;
    parts[i].weight = gross;
    return true;
}

static bool
take_digits(const char **text, int *places, int64_t *value)
{
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (places != NULL && *places == 0)
            return true;
        if (__builtin_mul_overflow(*value, 10, value)
            || __builtin_add_overflow(*value, **text - '0', value))
            return false;
        if (places != NULL)
            (*places)--;
    }
    return true;
}

bool
ninja_decimal(const char *text, int places, int64_t *value)
{
    if (text == NULL)
        return false;
    bool negative = text[0] == '-';
    const char *at = negative ? text + 1 : text;
    int64_t number = 0;
    if (*at < '0' || *at > '9' || !take_digits(&at, NULL, &number))
        return false;
    if (*at == '.')
        at++;
    if (!take_digits(&at, &places, &number))
        return false;
    bool up = *at >= '5' && *at <= '9';
    if (at[strspn(at, "0123456789")] != '\0')
        return false;
    for (; places > 0; places--)
        if (__builtin_mul_overflow(number, 10, &number))
            return false;
    if (up && __builtin_add_overflow(number, 1, &number))
        return false;
    *value = negative ? -number : number;
    return true;
}

bool
ninja_item_net(int64_t quantity_milli, int64_t price_cents, int64_t discount,
               int64_t *cents)
{
    int64_t full;
    return discount >= 0 && discount <= WHOLE
           && scale(quantity_milli, price_cents, 1000, &full)
           && scale(full, WHOLE - discount, WHOLE, cents);
}
