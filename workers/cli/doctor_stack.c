// The doctor's checks of Postgres, Kafka and Redis.
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/kafka_reader.h"
#include "common/redis.h"
#include "workers/cli/doctor.h"
#include "workers/cli/migrations.h"
#include "workers/cli/places.h"

enum { CLOCK_APART_MS = 2000, REDIS_WAIT_S = 10 };

#define MIGRATE "run `relais migrate`"

// ---- Postgres

// A session, or NULL, which was said.
static struct pg *
connect_to(struct doctor *doctor, const char *setting, const char *url)
{
    struct error err = {0};
    if (url[0] == '\0') {
        doctor_say(doctor, DOCTOR_WRONG, setting, "set it", "is not set");
        return NULL;
    }
    struct pg *pg = pg_open(url, "relais-cli", &err);
    if (pg == NULL)
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   err.hint != NULL ? err.hint
                                    : "is the server up, is this its address?",
                   "%s", err.text);
    return pg;
}

static struct pg_rows *
ask(struct doctor *doctor, struct pg *pg, const char *what, const char *sql,
    const char *do_this)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    if (pg_run(pg, sql, NULL, 0, &rows, &err))
        return rows;
    doctor_say(doctor, DOCTOR_WRONG, what, do_this, "%s", err.text);
    return NULL;
}

static int
count_missing(const struct pg_rows *applied, const struct migration *migrations,
              int *all)
{
    int missing = 0;
    *all = 0;
    for (const struct migration *m = migrations; m->file != NULL; m++, (*all)++) {
        bool found = false;
        for (int i = 0; i < pg_rows_count(applied); i++)
            found = found || strcmp(pg_text(applied, i, 0), m->file) == 0;
        missing += found ? 0 : 1;
    }
    return missing;
}

static void
check_schema(struct doctor *doctor, struct pg *pg, const char *what, const char *sql,
             const struct migration *migrations)
{
    int all;
    struct pg_rows *rows = ask(doctor, pg, what, sql, MIGRATE);
    if (rows == NULL)
        return;
    int missing = count_missing(rows, migrations, &all);
    pg_rows_free(rows);
    if (missing > 0)
        doctor_say(doctor, DOCTOR_WRONG, what, MIGRATE, "%d of %d files are missing",
                   missing, all);
    else
        doctor_say(doctor, DOCTOR_OK, what, NULL, "all %d files are applied", all);
}

static void
check_clock(struct doctor *doctor, struct pg *pg)
{
    struct pg_rows *rows =
        ask(doctor, pg, "clock",
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8,"
            " (SELECT coalesce(max(ahead_ms), 0) FROM relais.clock)::int8",
            MIGRATE);
    if (rows == NULL)
        return;
    int64_t apart_ms = pg_i64(rows, 0, 0) - clock_wall_ms();
    int64_t ahead_ms = pg_i64(rows, 0, 1);
    pg_rows_free(rows);
    if (llabs(apart_ms) > CLOCK_APART_MS)
        doctor_say(doctor, DOCTOR_WRONG, "clock",
                   "let both machines follow a time server",
                   "Postgres's is %" PRId64 " ms from ours", apart_ms);
    else
        doctor_say(doctor, DOCTOR_OK, "clock", NULL, "as Postgres's");
    if (ahead_ms != 0)
        doctor_say(doctor, DOCTOR_NOTE, "clock",
                   "outside of tests and demos: DELETE FROM relais.clock",
                   "`relais clock` moved that of dates by %" PRId64 " h",
                   ahead_ms / 3600000);
}

void
doctor_ledger(struct doctor *doctor)
{
    struct pg *pg =
        connect_to(doctor, "DATABASE_URL", doctor->cli->settings.database_url);
    if (pg == NULL)
        return;
    check_schema(doctor, pg, "ledger", "SELECT file FROM relais.schema_version",
                 migrations_ledger);
    check_clock(doctor, pg);
    pg_close(pg);
}

// A trigger that is missing or switched off tells nobody.
static void
check_triggers(struct doctor *doctor, struct pg *pg)
{
    struct pg_array names;
    int all = migrate_captured(&names);
    const struct pg_param param = pg_array_param(&names);
    struct pg_rows *rows = NULL;
    struct error err = {0};
    bool good =
        pg_run(pg,
               "SELECT count(target), string_agg(name, ', ') FILTER (WHERE target IS"
               " NOT NULL AND NOT captured), count(target) FILTER (WHERE name ="
               " 'quotes') FROM relais_capture.standing($1)",
               &param, 1, &rows, &err);
    pg_array_end(&names);
    if (!good) {
        doctor_say(doctor, DOCTOR_WRONG, "capture", MIGRATE, "%s", err.text);
        return;
    }
    int64_t found = pg_i64(rows, 0, 0);
    const char *gap = pg_text(rows, 0, 1);
    if (gap != NULL)
        doctor_say(doctor, DOCTOR_WRONG, "capture", MIGRATE,
                   "the triggers of %s are missing or switched off", gap);
    else if (pg_i64(rows, 0, 2) == 0)
        doctor_say(doctor, DOCTOR_WRONG, "capture",
                   "set DIRECTUS_COLLECTION_QUOTES, then run `relais migrate`",
                   "there is no table of quotes");
    else
        doctor_say(doctor, DOCTOR_OK, "capture", NULL,
                   "triggers on %" PRId64 " of %d collections", found, all);
    pg_rows_free(rows);
}

void
doctor_capture(struct doctor *doctor)
{
    const char *url = doctor->cli->settings.capture_database_url;
    if (strcmp(doctor->cli->settings.capture, "outbox") != 0)
        return;
    struct pg *pg = connect_to(doctor, "CAPTURE_DATABASE_URL", url);
    if (pg == NULL)
        return;
    check_schema(doctor, pg, "capture",
                 "SELECT file FROM relais_capture.schema_version", migrations_capture);
    check_triggers(doctor, pg);
    pg_close(pg);
}

// ---- Kafka

struct topics {
    struct doctor *doctor;
    struct kafka_reader *reader;
    int found;
    bool answers;
};

static void
check_topic(struct topics *topics, const char *topic)
{
    struct doctor *doctor = topics->doctor;
    struct error err = {0};
    int32_t partitions = 0;
    if (!topics->answers)
        return;
    if (!kafka_reader_partitions(topics->reader, topic, &partitions, &err)) {
        topics->answers = false;
        doctor_say(doctor, DOCTOR_WRONG, "KAFKA_BROKERS",
                   "is a broker up, is this its address?", "%s", err.text);
    } else if (partitions == 0) {
        doctor_say(doctor, DOCTOR_WRONG, topic, "run `relais topics`",
                   "the topic is missing");
    } else {
        topics->found++;
    }
}

static bool
check_worker(void *arg, const char *worker)
{
    struct topics *topics = arg;
    char names[PLACE_TOPICS][PLACE_NAME];
    char dead[PLACE_NAME];
    int count = places_read_by(worker, names);
    for (int i = 0; i < count; i++)
        check_topic(topics, names[i]);
    places_dead_letters(worker, dead);
    check_topic(topics, dead);
    return true;
}

void
doctor_kafka(struct doctor *doctor)
{
    struct topics topics = {.doctor = doctor, .answers = true};
    struct error err = {0};
    const char *brokers = doctor->cli->settings.brokers;
    if (brokers[0] == '\0') {
        doctor_say(doctor, DOCTOR_WRONG, "KAFKA_BROKERS",
                   "set it, such as 127.0.0.1:9092", "is not set");
        return;
    }
    topics.reader = kafka_reader_open(brokers, NULL, &err);
    if (topics.reader == NULL) {
        doctor_say(doctor, DOCTOR_WRONG, "KAFKA_BROKERS", err.hint, "%s", err.text);
        return;
    }
    (void)cli_each_worker(doctor->cli, check_worker, &topics);
    kafka_reader_close(topics.reader);
    if (topics.found > 0)
        doctor_say(doctor, DOCTOR_OK, "KAFKA_BROKERS", NULL, "%d topics are there",
                   topics.found);
}

// ---- Redis

struct ping {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool answered, away;
};

static void
note_ping(void *arg, const struct redis_answer *answer)
{
    struct ping *ping = arg;
    pthread_mutex_lock(&ping->lock);
    ping->answered = true;
    ping->away = answer->away;
    pthread_cond_signal(&ping->ready);
    pthread_mutex_unlock(&ping->lock);
}

static bool
answers_ping(struct redis *redis)
{
    static const char *const words[] = {"PING", NULL};
    struct ping ping = {.away = true};
    struct timespec until;
    pthread_mutex_init(&ping.lock, NULL);
    pthread_cond_init(&ping.ready, NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += REDIS_WAIT_S;
    redis_send(redis, words, note_ping, &ping);
    pthread_mutex_lock(&ping.lock);
    while (!ping.answered
           && pthread_cond_timedwait(&ping.ready, &ping.lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&ping.lock);
    redis_stop(redis); // nothing of it calls note_ping() any more
    pthread_cond_destroy(&ping.ready);
    pthread_mutex_destroy(&ping.lock);
    return !ping.away;
}

// Everything works without it, with less.
void
doctor_redis(struct doctor *doctor)
{
    struct error err = {0};
    const char *url = doctor_setting(doctor, "REDIS_URL");
    if (url[0] == '\0') {
        doctor_say(doctor, DOCTOR_NOTE, "REDIS_URL",
                   "set it where several of a kind run",
                   "is not set: each process has its own budgets and tokens");
        return;
    }
    struct redis *redis = redis_open(url, &err);
    if (redis == NULL) {
        doctor_say(doctor, DOCTOR_WRONG, "REDIS_URL", err.hint, "%s", err.text);
        return;
    }
    if (answers_ping(redis))
        doctor_say(doctor, DOCTOR_OK, "REDIS_URL", NULL, "answers");
    else
        doctor_say(doctor, DOCTOR_WRONG, "REDIS_URL",
                   "is the server up, are address and password right?",
                   "does not answer");
    redis_free(redis);
}
