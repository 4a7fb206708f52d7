// Start, stop and settings of a simulator.
#include "harness.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_hook.h"
#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"
#include "harness_wait.h"

static const struct sim_setting common_settings[] = {
    {"SIM_PORT", "port", "0", false},
    {"SIM_STATE_FILE", "state_file", "", false},
    {"SIM_SEED", "seed", "1", false},
    {"SIM_PUBLIC_URL", "public_url", "", false},
    {"SIM_WEBHOOK_URL", "webhook_url", "", false},
    {"SIM_WEBHOOK_TIMEOUT_MS", "webhook_timeout_ms", "15000", false},
    {"SIM_RETRY_SCALE", "retry_scale", "1", false},
    {"SIM_CLOCK_OFFSET_MS", "clock_offset_ms", "0", false},
    {0},
};

static void
read_settings(struct sim *sim, const struct sim_setting *setting)
{
    for (; setting->env != NULL; setting++) {
        // No thread was started yet. NOLINTNEXTLINE(concurrency-mt-unsafe)
        const char *value = getenv(setting->env);
        json_add_str(sim->environment, setting->key, value ? value : setting->fallback);
    }
}

static bool
is_secret(const struct sim_setting *setting, const char *key)
{
    for (; setting->env != NULL; setting++) {
        if (strcmp(setting->key, key) == 0)
            return setting->secret;
    }
    return false;
}

bool
sim_setting_secret(struct sim *sim, const char *key)
{
    return is_secret(sim->ops->settings, key) || is_secret(common_settings, key);
}

const char *
sim_setting(struct sim *sim, const char *key)
{
    const char *value = json_str(store_get(sim->store, "config", 1), key);
    if (value == NULL)
        value = json_str(sim->environment, key);
    return value == NULL ? "" : value;
}

int64_t
sim_setting_int(struct sim *sim, const char *key)
{
    int64_t number = 0;
    json_number(sim_setting(sim, key), &number);
    return number;
}

double
sim_setting_real(struct sim *sim, const char *key)
{
    return strtod(sim_setting(sim, key), NULL);
}

bool
sim_setting_flag(struct sim *sim, const char *key)
{
    const char *text = sim_setting(sim, key);
    return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

struct store *
sim_store(struct sim *sim)
{
    return sim->store;
}

const char *
sim_public_url(struct sim *sim)
{
    const char *set = sim_setting(sim, "public_url");
    return *set == '\0' ? sim->public_url : set;
}

int64_t
sim_stamp_ms(struct sim *sim)
{
    int64_t now_ms = time_now_ms();
    if (now_ms <= sim->last_stamp_ms)
        now_ms = sim->last_stamp_ms + 1;
    sim->last_stamp_ms = now_ms;
    return now_ms;
}

int64_t
sim_now_ms(struct sim *sim)
{
    return time_now_ms() + sim_setting_int(sim, "clock_offset_ms");
}

uint32_t
sim_random(struct sim *sim, uint32_t limit)
{
    // The high half of a 64-bit linear congruential step is random enough for faults.
    sim->random = sim->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((sim->random >> 33) % limit);
}

void
sim_wake_at(struct sim *sim, int64_t at_ms)
{
    waiter_wake_at(sim->waiter, at_ms);
}

void
sim_lock(struct sim *sim)
{
    pthread_mutex_lock(&sim->lock);
}

void
sim_unlock(struct sim *sim)
{
    pthread_mutex_unlock(&sim->lock);
}

static bool
check_numbers(struct sim *sim)
{
    static const char *const keys[] = {"SIM_PORT", "SIM_SEED", "SIM_WEBHOOK_TIMEOUT_MS",
                                       NULL};
    for (const char *const *env = keys; *env != NULL; env++) {
        // No thread was started yet. NOLINTNEXTLINE(concurrency-mt-unsafe)
        const char *text = getenv(*env);
        int64_t number = 0;
        if (text == NULL || (json_number(text, &number) && number >= 0))
            continue;
        fprintf(stderr, "%s: \"%s\" is not a number; give a whole one, 0 or more\n",
                *env, text);
        return false;
    }
    if (json_int(sim->environment, "port", 0) <= 65535)
        return true;
    fprintf(stderr, "SIM_PORT is above 65535; give a port, or 0 for a free one\n");
    return false;
}

static bool
open_state(struct sim *sim)
{
    if (!check_numbers(sim))
        return false;
    sim->store = store_open(json_str(sim->environment, "state_file"));
    sim->random = (uint64_t)json_int(sim->environment, "seed", 1);
    return sim->store != NULL;
}

static bool
listen_now(struct sim *sim)
{
    uint16_t port = 0;
    if (!http_start(sim, (uint16_t)json_int(sim->environment, "port", 0), &port)) {
        fprintf(stderr,
                "cannot listen on 127.0.0.1:%s (SIM_PORT); is the port taken?\n",
                json_str(sim->environment, "port"));
        return false;
    }
    snprintf(sim->public_url, sizeof sim->public_url, "http://127.0.0.1:%u", port);
    printf("ready port=%u\n", port);
    fflush(stdout);
    return true;
}

static bool
run(struct sim *sim, const sigset_t *ends)
{
    sim->waiter = waiter_start(sim);
    // Everybody waits for the lock until everything is there.
    sim_lock(sim);
    bool ok = sim->ops->start(sim);
    sim->hooks = hooks_start(sim);
    ok = ok && listen_now(sim);
    store_commit(sim->store);
    sim_unlock(sim);
    int signal_number = 0;
    if (ok)
        sigwait(ends, &signal_number);
    waiter_stop(sim->waiter);
    if (sim->daemon != NULL)
        http_stop(sim);
    hooks_stop(sim->hooks);
    waiter_free(sim->waiter);
    if (sim->ops->stop != NULL)
        sim->ops->stop(sim);
    return ok;
}

int
sim_main(const struct sim_ops *ops)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct sim sim = {.ops = ops, .environment = json_object_new_object()};
    pthread_mutex_init(&sim.lock, NULL);
    read_settings(&sim, common_settings);
    read_settings(&sim, ops->settings);
    bool ok = open_state(&sim) && run(&sim, &ends);
    store_close(sim.store);
    json_object_put(sim.environment);
    pthread_mutex_destroy(&sim.lock);
    curl_global_cleanup();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
