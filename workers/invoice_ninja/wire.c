#include "workers/invoice_ninja/wire.h"

#include <stdio.h>
#include <string.h>

// There is none for "paid" (a payment was made) and none for "viewed". 22 late_invoice
// is of no use: its body may show another invoice.
const struct ninja_wire ninja_wires[] = {
    {1, "create_client", "client.created"},
    {2, "create_invoice", "invoice.created"},
    {4, "create_payment", "payment.created"},
    {8, "update_invoice", "invoice.updated"},
    {9, "delete_invoice", "invoice.deleted"},
    {10, "update_client", "client.updated"},
    {12, "delete_payment", "payment.deleted"},
    {31, "update_payment", "payment.updated"},
    {33, "archive_invoice", "invoice.archived"},
    {60, "sent_invoice", "invoice.sent"},
    {0},
};

const struct ninja_wire *
ninja_wire_find(const char *text)
{
    char number[12];
    for (const struct ninja_wire *wire = ninja_wires; wire->name != NULL; wire++) {
        snprintf(number, sizeof number, "%d", wire->number);
        if (strcmp(number, text) == 0 || strcmp(wire->name, text) == 0
            || strcmp(wire->alias, text) == 0)
            return wire;
    }
    return NULL;
}
