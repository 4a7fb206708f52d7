#include "common/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Reads digits into *value, which counts downwards from 0 where sign is -1. False on an
// overflow.
static bool
add_digit(int64_t *value, int digit, int sign)
{
    int64_t worth = sign * (digit - '0');
    return !__builtin_mul_overflow(*value, 10, value)
           && !__builtin_add_overflow(*value, worth, value);
}

// The digits of a number: "1200" and "5" of "1200.5".
struct digits {
    const char *whole, *fraction;
    size_t whole_count, fraction_count;
};

static bool
split(const char *text, struct digits *digits)
{
    *digits = (struct digits){.whole = text, .fraction = ""};
    digits->whole_count = strspn(text, "0123456789");
    const char *rest = text + digits->whole_count;
    if (*rest == '.') {
        digits->fraction = rest + 1;
        digits->fraction_count = strspn(rest + 1, "0123456789");
        rest = digits->fraction + digits->fraction_count;
        if (digits->fraction_count == 0)
            return false;
    }
    return digits->whole_count > 0 && *rest == '\0';
}

bool
money_parse(const char *text, int64_t *cents)
{
    struct digits digits;
    if (text == NULL)
        return false;
    int sign = text[0] == '-' ? -1 : 1;
    if (!split(sign < 0 ? text + 1 : text, &digits))
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < digits.whole_count; i++)
        if (!add_digit(&value, digits.whole[i], sign))
            return false;
    for (size_t i = 0; i < 2; i++) {
        int digit = i < digits.fraction_count ? digits.fraction[i] : '0';
        if (!add_digit(&value, digit, sign))
            return false;
    }
    for (size_t i = 2; i < digits.fraction_count; i++)
        if (digits.fraction[i] != '0')
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
