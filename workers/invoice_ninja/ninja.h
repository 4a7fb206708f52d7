// workers/invoice_ninja/ninja.h - the state of the Invoice Ninja worker, read-only
// after open but for the keys, which SIGHUP reads again.
#ifndef RELAIS_NINJA_H
#define RELAIS_NINJA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/directus.h"
#include "common/http.h"
#include "common/integration.h"

struct ninja_companies;

struct ninja {
    // settings
    const char *url;
    const char *base_url; // "" = nothing is registered
    const char *tax_name;
    int64_t deposit_percent;
    int64_t deposit_days;
    int64_t per_second;
    int64_t timeout_ms;
    int64_t too_many_wait_ms;
    int64_t unlinked_wait_ms;
    int64_t unlinked_max_ms;
    int64_t sweep_overlap_ms;
    int64_t sweep_first_ms;
    int64_t hook_wait_ms;
    int64_t hook_check_ms;

    // made by open
    struct ninja_companies *companies;
    struct http_service service;
    struct directus directus;
};

extern const struct config_setting ninja_settings[];
extern const struct handler ninja_handlers[];

#endif
