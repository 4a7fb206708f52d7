// workers/invoice_ninja/wire.h - Invoice Ninja's webhook events: their numbers and
// names.
#ifndef RELAIS_NINJA_WIRE_H
#define RELAIS_NINJA_WIRE_H

#include <stdbool.h>
#include <stddef.h>

// A body holds nothing but the object: which event it is of stands in what we had the
// webhook send along.
struct ninja_wire {
    int number;
    const char *name;  // as in the type: "invoice-ninja.<name>"
    const char *alias; // as people name it by hand: "payment.created"
};

extern const struct ninja_wire ninja_wires[]; // ends with {0}

// The event of that number ("4"), name or alias; NULL if it is none of the table.
const struct ninja_wire *ninja_wire_find(const char *text);

#endif
