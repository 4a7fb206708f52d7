// workers/mautic/mautic.h - the state of the Mautic worker, read-only after open.
#ifndef RELAIS_MAUTIC_H
#define RELAIS_MAUTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/directus.h"
#include "common/http.h"
#include "common/integration.h"

struct mautic_token;

// What people have set up in Mautic; the numbers there are settings.
enum mautic_campaign {
    MAUTIC_NO_CAMPAIGN,
    MAUTIC_QUOTE_SENT,
    MAUTIC_QUOTE_FOLLOWUP,
    MAUTIC_PAYMENT_REMINDER,
    MAUTIC_WELCOME,
    MAUTIC_LEAD_NURTURING,
    MAUTIC_CAMPAIGNS
};
enum mautic_segment {
    MAUTIC_NO_SEGMENT,
    MAUTIC_LEADS,
    MAUTIC_PROSPECTS,
    MAUTIC_CLIENTS,
    MAUTIC_PENDING_QUOTES,
    MAUTIC_OVERDUE_PAYMENTS,
    MAUTIC_SEGMENTS
};

struct mautic {
    // settings
    const char *url;
    const char *username;
    const char *password;
    const char *client_id;
    const char *client_secret;
    int64_t campaigns[MAUTIC_CAMPAIGNS];
    int64_t segments[MAUTIC_SEGMENTS];
    int64_t per_second;
    int64_t timeout_ms;
    int64_t clock_tolerance_ms;
    int64_t sweep_overlap_ms;
    int64_t sweep_first_ms;
    int64_t hook_wait_ms;

    // made by open
    char site[300];
    struct mautic_token *token; // NULL: basic authentication
    struct http_service service;
    struct directus directus;
};

extern const struct config_setting mautic_settings[];
extern const struct handler mautic_handlers[];

#endif
