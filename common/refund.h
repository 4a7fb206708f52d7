// common/refund.h - what Directus's rows say of money that was given back.
#ifndef RELAIS_REFUND_H
#define RELAIS_REFUND_H

#include <json-c/json.h>

#include <stdbool.h>

// What an invoice has to be read with for refund_is_any().
#define REFUND_FIELDS "payments.status,payments.refunded_amount"

// Whether any payment of the invoice was refunded, be it in part: its row says so, or
// names an amount. What is no amount does not count. Never blocks.
bool refund_is_any(struct json_object *invoice);

#endif
