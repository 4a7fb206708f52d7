#include "workers/mautic/auth.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/redis.h"
#include "common/str.h"
#include "workers/mautic/api.h"
#include "workers/mautic/mautic.h"

enum {
    TOKEN_TEXT = 512,
    SHARED_TEXT = TOKEN_TEXT + 32,
    SPARE_MS = 60 * 1000, // a token is not used in its last minute
    LONGEST_S = 86400,    // nor for longer than a day, whatever Mautic says
    SHARED_MS = 500,      // how long Redis may take to say whether it has one
};

// The token of this process. Any number may be valid at the same time: Redis only
// spares Mautic from giving one to each process.
struct mautic_token {
    char key[HMAC_HEX + 16];
    pthread_mutex_t lock;
    char text[TOKEN_TEXT];    // "" = none
    char shared[SHARED_TEXT]; // as Redis has it: "<until, by the wall clock> <text>"
    int64_t until_ms;         // of clock_ms()
};

bool
mautic_auth_open(struct mautic *m, struct error *err)
{
    bool oauth = m->client_id[0] != '\0' && m->client_secret[0] != '\0';
    bool basic = m->username[0] != '\0' && m->password[0] != '\0';
    if (!oauth && !basic)
        return error_permanent(err, "set MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, or "
                                    "MAUTIC_USERNAME and MAUTIC_PASSWORD");
    if (!oauth)
        return true;
    struct mautic_token *token = str_calloc(1, sizeof *token);
    struct str who;
    char hex[HMAC_HEX];
    str_begin(&who, 4096);
    str_printf(&who, "%s %s", m->url, m->client_id);
    hmac_digest(who.data, who.length, hex);
    str_end(&who);
    str_copy(token->key, sizeof token->key, "relais:mautic:");
    memcpy(token->key + strlen(token->key), hex, HMAC_HEX);
    pthread_mutex_init(&token->lock, NULL);
    m->token = token;
    return true;
}

void
mautic_auth_close(struct mautic *m)
{
    if (m->token == NULL)
        return;
    pthread_mutex_destroy(&m->token->lock);
    free(m->token);
    m->token = NULL;
}

static const char *
bearer(struct job *job, const char *text)
{
    return job_printf(job, "Bearer %s", text);
}

// The token in hand, or NULL; one that Mautic refused is dropped, also for the others.
static const char *
token_in_hand(struct job *job, struct mautic_token *token, const char *refused)
{
    const char *value = NULL;
    pthread_mutex_lock(&token->lock);
    if (token->text[0] != '\0' && clock_ms() < token->until_ms)
        value = bearer(job, token->text);
    if (value != NULL && refused != NULL && strcmp(value, refused) == 0) {
        redis_forget(job->redis, token->key, token->shared);
        token->text[0] = '\0';
        value = NULL;
    }
    pthread_mutex_unlock(&token->lock);
    return value;
}

static const char *
take_in_hand(struct job *job, struct mautic_token *token, const char *text,
             int64_t left_ms, int64_t until_wall_ms)
{
    pthread_mutex_lock(&token->lock);
    str_copy(token->text, sizeof token->text, text);
    snprintf(token->shared, sizeof token->shared, "%" PRId64 " %s", until_wall_ms,
             text);
    token->until_ms = clock_ms() + left_ms;
    pthread_mutex_unlock(&token->lock);
    return bearer(job, text);
}

static const char *
token_of_others(struct job *job, struct mautic_token *token, const char *refused)
{
    char shared[SHARED_TEXT];
    if (!redis_get(job->redis, token->key, shared, sizeof shared,
                   clock_ms() + SHARED_MS))
        return NULL;
    char *text = strchr(shared, ' ');
    long long until_wall_ms = 0;
    if (text == NULL || strlen(text + 1) >= TOKEN_TEXT)
        return NULL;
    *text++ = '\0';
    if (!str_to_i64(shared, &until_wall_ms))
        return NULL;
    int64_t left_ms = until_wall_ms - clock_wall_ms();
    if (left_ms <= 0 || (refused != NULL && strcmp(bearer(job, text), refused) == 0))
        return NULL;
    return take_in_hand(job, token, text, left_ms, until_wall_ms);
}

static const char *
no_token(struct job *job, const struct mautic *m)
{
    error_retryable(&job->error, "Mautic gave no token that can be used");
    job->error.service = m->service.name;
    return NULL;
}

// POST /oauth/v2/token: outside of /api, and the parameters must be in the body.
static const char *
new_token(struct job *job, const struct mautic *m)
{
    struct mautic_token *token = m->token;
    struct json_object *body = json_object_in(job);
    json_set_string(body, "grant_type", "client_credentials");
    json_set_string(body, "client_id", m->client_id);
    json_set_string(body, "client_secret", m->client_secret);
    struct http_request request = {.method = "POST", .path = "/oauth/v2/token"};
    struct json_object *answer = http_json(&m->service, job, &request, body);
    if (answer == NULL)
        return NULL;
    const char *text = json_string_or(answer, "access_token", "");
    int64_t life_s = json_i64_or(answer, "expires_in", 0);
    if (life_s < 0 || life_s > LONGEST_S)
        life_s = life_s < 0 ? 0 : LONGEST_S;
    int64_t life_ms = life_s * 1000 - SPARE_MS;
    if (text[0] == '\0' || strlen(text) >= TOKEN_TEXT)
        return no_token(job, m);
    if (life_ms <= 0)
        life_ms = life_s > 0 ? life_s * 1000 / 2 : SPARE_MS;
    int64_t until_wall_ms = clock_wall_ms() + life_ms;
    redis_set(job->redis, token->key,
              job_printf(job, "%" PRId64 " %s", until_wall_ms, text), life_ms);
    return take_in_hand(job, token, text, life_ms, until_wall_ms);
}

const char *
mautic_authorization(struct job *job, const struct mautic *m, const char *refused)
{
    if (m->token == NULL)
        return http_basic(job, m->username, m->password);
    const char *value = token_in_hand(job, m->token, refused);
    if (value == NULL)
        value = token_of_others(job, m->token, refused);
    return value != NULL ? value : new_token(job, m);
}
