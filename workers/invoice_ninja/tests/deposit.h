// workers/invoice_ninja/tests/deposit.h - the command that bills a deposit, and the
// calls that it makes, in their order.
#ifndef RELAIS_NINJA_TESTS_DEPOSIT_H
#define RELAIS_NINJA_TESTS_DEPOSIT_H

#include "workers/invoice_ninja/tests/scene.h"

#define CREATE "invoice-ninja.deposit.create"
#define COMMAND "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}"
#define NO_ROWS "{\"data\":[]}"

#define READ_QUOTE(text)                              \
    {                                                 \
        "GET", "/items/quotes/" QUOTE "?*", 200, text \
    }
#define CONFIGS(text)                                \
    {                                                \
        "GET", "/items/deposit_configs?*", 200, text \
    }
#define NO_CLIENT                                                                  \
    {"GET", "/api/v1/clients?id_number=" FIRM "&*", 200, NO_ROWS},                 \
    {                                                                              \
        "GET", "/api/v1/clients?email=martina.keller%40alpenblick-immo.ch&*", 200, \
            NO_ROWS                                                                \
    }
#define MADE_CLIENT                                                                \
    {                                                                              \
        "POST", "/api/v1/clients", 200, fixture(scene, "create-client.1.response") \
    }
#define GET_CLIENT                                     \
    {                                                  \
        "GET", "/api/v1/clients/VWPe9xdLyw", 200,      \
            fixture(scene, "create-client.1.response") \
    }
#define CREATE_INVOICE "/api/v1/invoices?mark_sent=true&include=client"
#define MADE_INVOICE                                           \
    {                                                          \
        "POST", CREATE_INVOICE, 200, fixture(scene, "invoice") \
    }
#define READ_INVOICE(text)                                             \
    {                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=client", 200, text \
    }
#define RECORDED WRITTEN("/items/quotes/" QUOTE)
#define FIRST_CALLS                                                            \
    READ_QUOTE(fixture(scene, "directus.quote")), CONFIGS(NO_ROWS), NO_CLIENT, \
        MADE_CLIENT

#endif
