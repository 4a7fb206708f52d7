#include "common/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Reads digits into *value, which counts downwards from 0 where sign is -1. False on an
// overflow.
static bool
add_digit(int64_t *value, char digit, int sign)
{
    int64_t worth = sign * (digit - '0');
    return !__builtin_mul_overflow(*value, 10, value)
           && !__builtin_add_overflow(*value, worth, value);
}

bool
money_parse(const char *text, int64_t *cents)
{
    if (text == NULL)
        return false;
    int sign = text[0] == '-' ? -1 : 1;
    const char *whole = sign < 0 ? text + 1 : text;
    size_t whole_digits = strspn(whole, "0123456789");
    const char *end = whole + whole_digits;
    const char *fraction = *end == '.' ? end + 1 : end;
    size_t fraction_digits = fraction > end ? strspn(fraction, "0123456789") : 0;

    if (whole_digits == 0 || (fraction > end && fraction_digits == 0)
        || fraction[fraction_digits] != '\0')
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < whole_digits; i++)
        if (!add_digit(&value, whole[i], sign))
            return false;
    for (size_t i = 0; i < 2; i++)
        if (!add_digit(&value, i < fraction_digits ? fraction[i] : '0', sign))
            return false;
    for (size_t i = 2; i < fraction_digits; i++)
        if (fraction[i] != '0')
            return false;
    *cents = value;
    return true;
}

void
money_format(int64_t cents, char out[MONEY_TEXT])
{
    // Unsigned, because the smallest int64 has no positive counterpart.
    uint64_t amount = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    snprintf(out, MONEY_TEXT, "%s%llu.%02u", cents < 0 ? "-" : "",
             (unsigned long long)(amount / 100), (unsigned)(amount % 100));
}
