// tests/runtime/echo/echo.h - what the files of this integration and their tests share.
#ifndef RELAIS_ECHO_H
#define RELAIS_ECHO_H

#include <stdint.h>

#include "common/http.h"
#include "common/integration.h"

extern const struct integration echo;

struct echo {
    const char *url;
    const char *topics; // what their names begin with
    int64_t timeout_ms;
    struct http_service service;
    char webhooks[100], commands[100];
};

#endif
