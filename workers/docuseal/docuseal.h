// workers/docuseal/docuseal.h - the state of the DocuSeal worker, read-only after open.
#ifndef RELAIS_DOCUSEAL_H
#define RELAIS_DOCUSEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/directus.h"
#include "common/http.h"
#include "common/integration.h"
#include "workers/docuseal/level.h"

struct docuseal {
    // settings
    const char *api_url;
    const char *api_key;
    const char *app_url; // "" = derived from api_url
    const char *capability_name;
    const char *role_client;
    const char *role_company;
    bool send_email;
    int64_t timeout_ms;
    int64_t file_timeout_ms;
    int64_t file_max_bytes;
    int64_t audit_wait_ms;
    int64_t sweep_overlap_ms;
    int64_t sweep_first_ms;
    int64_t hook_wait_ms;

    // made by open
    enum docuseal_level capability;
    char app[300]; // where people sign: "<app>/s/<slug>"
    struct http_service service;
    struct directus directus;
};

extern const struct config_setting docuseal_settings[];
extern const struct handler docuseal_handlers[];

#endif
