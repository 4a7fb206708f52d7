#include "workers/capture/session.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pg.h"
#include "workers/capture/publisher.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_DOUBLINGS = 5, // 3.2 s at most
    PROBLEM_BYTES = 1024,
};

bool
capture_session_wait(struct capture *capture, struct pg *pg, int64_t ms,
                     struct error *err)
{
    bool notified; // whoever waits looks at the table anyway

    capture_status_turn(&capture->status);
    bool good = pg_wait_notify(pg, capture->wake.fd, (int)ms, &notified);
    // A wake-up that is late for what it was about must not wake for ever.
    capture_publisher_drain(capture->publisher);
    if (good)
        return true;
    return error_retryable(err, "postgres: the session was lost");
}

static bool
try_lock(struct pg *pg, bool *locked, struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_run(
            pg,
            "SELECT pg_try_advisory_lock(hashtextextended('relais_capture', 0))::int",
            NULL, 0, &rows, err))
        return false;
    *locked = pg_i64(rows, 0, 0) == 1;
    pg_rows_free(rows);
    return true;
}

static void
stand_by(struct capture *capture)
{
    if (capture_status_set(&capture->status, CAPTURE_STANDBY, ""))
        log_info("standby", "another relais-capture is active");
}

// Whoever held the lock may have records under way when the server has already ended
// its session, so a standby gives them time to arrive.
static bool
take_over(struct capture *capture, struct pg *pg, struct error *err)
{
    int64_t until_ms = clock_ms() + capture->settings.takeover_ms;

    while (!capture_wake_stopping(&capture->wake) && clock_ms() < until_ms)
        if (!capture_session_wait(capture, pg, until_ms - clock_ms(), err))
            return false;
    return true;
}

static bool
lock(struct capture *capture, struct pg *pg, struct error *err)
{
    bool locked = false;
    bool waited = false;

    while (!capture_wake_stopping(&capture->wake)) {
        if (!try_lock(pg, &locked, err))
            return false;
        if (locked)
            return !waited || take_over(capture, pg, err);
        waited = true;
        stand_by(capture);
        if (!capture_session_wait(capture, pg, capture->settings.standby_ms, err))
            return false;
    }
    return error_retryable(err, "stopping");
}

struct pg *
capture_session_open(struct capture *capture, const char *url, struct error *err)
{
    struct pg *pg = pg_open(url, "relais-capture", err);

    if (pg == NULL)
        return NULL;
    if (lock(capture, pg, err))
        return pg;
    pg_close(pg);
    return NULL;
}

// 42P01, 3F000, 42883: table, schema or function are missing.
static const char *
hint_for(const struct error *err)
{
    if (strstr(err->text, "42P01") != NULL || strstr(err->text, "3F000") != NULL
        || strstr(err->text, "42883") != NULL)
        return "run `relais migrate`";
    return err->hint;
}

// Where an answer came, the setting is not what is wrong.
static const char *
setting_of(const struct error *err, const char *database)
{
    const char *service = err->service != NULL ? err->service : "";

    if (strcmp(service, "postgres") == 0)
        return database;
    if (strcmp(service, "kafka") == 0)
        return "KAFKA_BROKERS";
    return strcmp(service, "directus") == 0 && err->http_status == 0 ? "DIRECTUS_URL"
                                                                     : NULL;
}

// "directus: GET /activity answered 401 (DIRECTUS_TOKEN is wrong: ...)"
static void
explain(const struct error *err, const char *database, struct str *out)
{
    const char *hint = hint_for(err);
    const char *setting = setting_of(err, database);

    if (setting != NULL)
        str_printf(out, "%s: ", setting);
    if (err->service != NULL && !str_starts(err->text, err->service))
        str_printf(out, "%s: ", err->service);
    str_puts(out, err->text);
    if (hint != NULL)
        str_printf(out, " (%s)", hint);
}

void
capture_session_back_off(struct capture *capture, struct capture_backoff *backoff,
                         const char *database, const struct error *err)
{
    int doublings =
        backoff->attempts < BACKOFF_DOUBLINGS ? backoff->attempts : BACKOFF_DOUBLINGS;
    int64_t wait_ms = (int64_t)BACKOFF_FIRST_MS << doublings;
    struct str problem;

    backoff->attempts++;
    str_begin(&problem, PROBLEM_BYTES);
    explain(err, database, &problem);
    if (capture_status_set(&capture->status, CAPTURE_STARTING, problem.data))
        log_warn("waiting", "%s", problem.data);
    str_end(&problem);
    capture_status_turn(&capture->status);
    // Up to a quarter less, so that several do not come back in step.
    capture_wake_sleep(&capture->wake, wait_ms - clock_ns() % (wait_ms / 4));
}
