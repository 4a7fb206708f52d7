#include "common/refund.h"

#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "common/money.h"

static bool
is_refunded(struct json_object *payment)
{
    int64_t cents;
    return strcmp(json_string_or(payment, "status", ""), "refunded") == 0
           || (money_parse(json_text_or(payment, "refunded_amount", NULL), &cents)
               && cents > 0);
}

bool
refund_is_any(struct json_object *invoice)
{
    struct json_object *rows = json_array_or_null(invoice, "payments");
    size_t count = rows != NULL ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < count; i++)
        if (is_refunded(json_object_array_get_idx(rows, i)))
            return true;
    return false;
}
