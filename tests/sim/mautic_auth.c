// Who calls, and whether he may: OAuth2, basic, permissions, the rate limit of 5 and 6.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum { HOUR_MS = 3600000 };

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes one part of a form; the caller frees.
static char *
form_text(const char *text, size_t bytes)
{
    unsigned char *out = calloc(1, bytes + 1);
    if (out == NULL)
        abort();
    unsigned char *to = out;
    for (size_t i = 0; i < bytes; i++) {
        bool escape = text[i] == '%' && i + 2 < bytes && hex_digit(text[i + 1]) >= 0
                      && hex_digit(text[i + 2]) >= 0;
        if (escape) {
            *to++ =
                (unsigned char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            *to++ = (unsigned char)(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return (char *)out;
}

static void
form_add(struct json_object *form, char *key, const char *value)
{
    char *bracket = strstr(key, "[]");
    if (bracket == NULL) {
        json_add_str(form, key, value);
        return;
    }
    *bracket = '\0';
    if (!json_is_array(form, key))
        json_add(form, key, json_object_new_array());
    json_push_str(json_at(form, key), value);
}

static struct json_object *
form_parse(const char *text)
{
    struct json_object *form = json_object_new_object();
    while (text != NULL && *text != '\0') {
        size_t bytes = strcspn(text, "&");
        size_t name = strcspn(text, "=&");
        size_t skip = name < bytes ? 1 : 0;
        char *key = form_text(text, name);
        char *value = form_text(text + name + skip, bytes - name - skip);
        form_add(form, key, value);
        free(key);
        free(value);
        text += bytes + (text[bytes] == '&' ? 1 : 0);
    }
    return form;
}

bool
auth_read_body(struct call *call)
{
    size_t bytes = 0;
    const char *raw = call_raw(call, &bytes);
    const char *type = call_header(call, "Content-Type");
    bool form =
        type != NULL && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
    if (form) {
        json_object_put(call->body);
        call->body = form_parse(raw);
        return true;
    }
    if (bytes == 0 || call->body != NULL)
        return true;
    mautic_error(call, 400, "Invalid json message received");
    return false;
}

static void
unauthorized(struct call *call, const char *scheme, const char *type, const char *text)
{
    char header[300];
    snprintf(header, sizeof header, "%s", scheme);
    call_add_header(call, "WWW-Authenticate", header);
    if (type == NULL)
        call_bytes(call, 401, "text/html; charset=UTF-8", "", 0);
    else
        mautic_type_error(call, 401, type, text);
}

static bool
check_basic(struct call *call, const char *base64)
{
    struct sim *sim = call->sim;
    char *wanted = NULL;
    if (asprintf(&wanted, "%s:%s", sim_setting(sim, "user"),
                 sim_setting(sim, "password"))
        < 0)
        abort();
    char *given = crypto_base64_text(base64);
    bool good = given != NULL && strcmp(given, wanted) == 0;
    free(given);
    free(wanted);
    if (!sim_setting_flag(sim, "basic")) {
        mautic_type_error(call, 403, "api_disabled",
                          "Basic Auth disabled. You need to enable it in the API "
                          "settings of Mautic's Configuration.");
        return false;
    }
    call->account = CALLER_BASIC;
    if (good)
        return true;
    // From 6 on the body is empty.
    unauthorized(call, "Basic realm=\"Mautic\"",
                 mautic_since(sim, 6, 0) ? NULL : "access_denied",
                 "Authorization denied, invalid credentials.");
    return false;
}

static struct json_object *
find_token(struct sim *sim, const char *token)
{
    struct store_cursor cursor;
    struct json_object *row = store_newest(sim_store(sim), "tokens", &cursor);
    for (; row != NULL; row = store_older(&cursor)) {
        if (strcmp(json_str(row, "token"), token) == 0)
            return row;
    }
    return NULL;
}

static bool
check_bearer(struct call *call, const char *token)
{
    struct json_object *row = find_token(call->sim, token);
    call->account = CALLER_OAUTH;
    if (row != NULL && json_int(row, "expires_ms", 0) > sim_now_ms(call->sim))
        return true;
    unauthorized(call, "Bearer realm=\"Service\", error=\"invalid_grant\"",
                 "invalid_grant",
                 row == NULL ? "The access token provided is invalid."
                             : "The access token provided has expired.");
    return false;
}

static bool
check_credentials(struct call *call)
{
    const char *header = call_header(call, "Authorization");
    if (header != NULL && strncasecmp(header, "Basic ", 6) == 0)
        return check_basic(call, header + 6);
    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0)
        return check_bearer(call, header + 7);
    unauthorized(call, "Bearer realm=\"Service\"", "access_denied",
                 "API authorization denied.");
    return false;
}

// The area of the API, as "contacts", is in the list of what is forbidden.
static bool
is_denied(struct call *call)
{
    const char *area = call->path + strlen("/api/");
    size_t bytes = strcspn(area, "/");
    const char *list = sim_setting(call->sim, "denied");
    for (const char *p = list; *p != '\0'; p += strcspn(p, ", ")) {
        p += strspn(p, ", ");
        if (strcspn(p, ", ") == bytes && strncmp(p, area, bytes) == 0)
            return true;
    }
    return false;
}

static bool
check_permission(struct call *call)
{
    if (!is_denied(call))
        return true;
    if (strncmp(call->path, "/api/stats", 10) == 0)
        mautic_stats_error(call, 403,
                           "You do not have access to the requested area/action.");
    else
        mautic_forbidden(call);
    return false;
}

// One bucket for each path and token; all who use basic share theirs.
static struct json_object *
bucket_of(struct call *call, int64_t now_ms)
{
    struct store *store = sim_store(call->sim);
    const char *header = call_header(call, "Authorization");
    char key[65] = "";
    char *text = NULL;
    if (asprintf(&text, "%s %s", call->path,
                 call->account == CALLER_OAUTH ? header : "")
        < 0)
        abort();
    crypto_hex(text, key, sizeof key);
    free(text);
    struct store_cursor cursor;
    struct json_object *row = store_newest(store, "buckets", &cursor);
    while (row != NULL && strcmp(json_str(row, "key"), key) != 0)
        row = store_older(&cursor);
    if (row == NULL) {
        row = json_object_new_object();
        int64_t id = store_next_id(store, "buckets", 1);
        json_add_int(row, "id", id);
        json_add_str(row, "key", key);
        store_put(store, "buckets", id, row);
    }
    if (json_int(row, "reset_ms", 0) <= now_ms) {
        json_add_int(row, "reset_ms", now_ms + HOUR_MS);
        json_add_int(row, "used", 0);
    }
    store_touch(store, "buckets", json_int(row, "id", 0));
    return row;
}

static void
add_number_header(struct call *call, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    call_add_header(call, name, text);
}

static bool
check_rate(struct call *call)
{
    int64_t limit = sim_setting_int(call->sim, "rate_limit");
    if (limit == 0 || mautic_since(call->sim, 7, 0))
        return true;
    struct json_object *bucket = bucket_of(call, sim_now_ms(call->sim));
    int64_t used = json_int(bucket, "used", 0);
    int64_t left = used < limit ? limit - used - 1 : 0;
    add_number_header(call, "X-RateLimit-Limit", limit);
    add_number_header(call, "X-RateLimit-Remaining", left);
    add_number_header(call, "X-RateLimit-Reset",
                      json_int(bucket, "reset_ms", 0) / 1000);
    json_add_int(bucket, "used", used + 1);
    if (used < limit)
        return true;
    mautic_error(call, 429,
                 "You exceeded the rate limit of %" PRId64 " API calls per hour.",
                 limit);
    return false;
}

// A site under https sends everybody there.
static bool
check_scheme(struct call *call)
{
    const char *site = sim_public_url(call->sim);
    const char *scheme = call_header(call, "X-Forwarded-Proto");
    char place[500];
    if (strncmp(site, "https://", 8) != 0
        || (scheme != NULL && strcmp(scheme, "https") == 0))
        return true;
    snprintf(place, sizeof place, "%.240s%.240s", site, call->path);
    call_add_header(call, "Location", place);
    call_bytes(call, 301, "text/html; charset=UTF-8", "", 0);
    return false;
}

bool
auth_check(struct call *call)
{
    struct sim *sim = call->sim;
    if (!check_scheme(call))
        return false;
    call_add_header(call, "Mautic-Version", sim_setting(sim, "version"));
    if (sim_setting_flag(sim, "api_disabled")) {
        mautic_type_error(call, 403, "api_disabled",
                          "API disabled. You need to enable the API in the API "
                          "settings of Mautic's Configuration.");
        return false;
    }
    // In this mode Mautic calls the receiver before it answers its own caller.
    if (strcmp(sim_setting(sim, "webhook_mode"), "immediate") == 0)
        call_webhooks_first(call);
    return check_credentials(call) && check_rate(call) && check_permission(call)
           && auth_read_body(call);
}

static bool
client_is(struct sim *sim, const char *id, const char *secret)
{
    return id != NULL && secret != NULL
           && strcmp(id, sim_setting(sim, "client_id")) == 0
           && strcmp(secret, sim_setting(sim, "client_secret")) == 0;
}

static bool
is_client(struct call *call)
{
    const char *header = call_header(call, "Authorization");
    if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
        return client_is(call->sim, json_str(call->body, "client_id"),
                         json_str(call->body, "client_secret"));
    char *id = crypto_base64_text(header + 6);
    char *colon = id == NULL ? NULL : strchr(id, ':');
    if (colon != NULL)
        *colon = '\0';
    bool good = client_is(call->sim, id, colon == NULL ? NULL : colon + 1);
    free(id);
    return good;
}

static void
answer_token(struct call *call)
{
    struct sim *sim = call->sim;
    int64_t lifetime_s = sim_setting_int(sim, "token_lifetime_s");
    int64_t id = store_next_id(sim_store(sim), "tokens", 1);
    char seed[120];
    char token[65] = "";
    snprintf(seed, sizeof seed, "token %" PRId64 " %.60s", id,
             sim_setting(sim, "seed"));
    crypto_hex(seed, token, sizeof token);
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", id);
    json_add_str(row, "token", token);
    json_add_int(row, "expires_ms", sim_now_ms(sim) + lifetime_s * 1000);
    store_put(sim_store(sim), "tokens", id, row);
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "access_token", token);
    json_add_int(reply, "expires_in", lifetime_s);
    json_add_str(reply, "token_type", "bearer");
    json_add_null(reply, "scope");
    call_answer(call, 200, reply);
}

void
auth_token(struct call *call)
{
    if (!check_scheme(call) || !auth_read_body(call))
        return;
    const char *grant = json_str(call->body, "grant_type");
    if (grant == NULL)
        mautic_type_error(call, 400, "invalid_request",
                          "Invalid grant_type parameter or parameter missing");
    else if (!is_client(call))
        mautic_type_error(call, 400, "invalid_client",
                          "The client credentials are invalid");
    else if (strcmp(grant, "client_credentials") != 0
             || sim_setting_flag(call->sim, "client_unauthorized"))
        mautic_type_error(call, 400, "unauthorized_client",
                          "The grant type is unauthorized for this client_id");
    else
        answer_token(call);
}
