// relais-directus-both: asks Directus by REST and its Postgres by SQL, and compares.
// Each line of standard input is a question: the collection and its pairs, name=value,
// with tabs between. Each line of standard output is an answer: "same", "rest" (SQL
// does not understand it) or "differs" with both.
#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/directus.h"
#include "common/directus_sql.h"
#include "common/json.h"
#include "common/loop.h"

enum {
    LINE_MAX_BYTES = 64 * 1024,
    PAIRS_MAX = 32,
    ANSWER_MS = 60 * 1000,
    CONNECTS_MS = 20 * 1000,
    STACK_BYTES = 256 * 1024,
};

struct both {
    struct directus sql;
    struct directus rest; // the same without its session
    bool failed;
};

static enum directus_sql_verdict
ask(const struct both *both, struct job *job, const char *collection,
    const struct http_header query[], struct json_object **rows)
{
    return directus_sql_ask(both->sql.sql, job, collection, query, rows);
}

static void
wait_ms(int64_t ms)
{
    struct loop_wait wait;
    loop_wait_begin(&wait);
    (void)loop_wait(&wait, clock_ms() + ms, "another try");
}

// The session is made by a thread, some time after it was opened.
static bool
connected(const struct both *both, struct job *job)
{
    static const struct http_header query[] = {{"fields", "id"}, {NULL}};
    int64_t until_ms = clock_ms() + CONNECTS_MS;
    struct json_object *rows;
    while (ask(both, job, "quotes", query, &rows) != DIRECTUS_SQL_ROWS) {
        if (clock_ms() > until_ms)
            return false;
        wait_ms(50);
    }
    return true;
}

static void
compare(struct both *both, struct job *job, const char *collection,
        const struct http_header query[])
{
    struct json_object *sql = NULL;
    struct json_object *rest = directus_list(&both->rest, job, collection, query);
    while (rest == NULL && job->error.kind == ERROR_RATE_LIMITED) {
        error_clear(&job->error); // Directus is under pressure: nothing was done
        wait_ms(200);
        rest = directus_list(&both->rest, job, collection, query);
    }
    if (rest == NULL) {
        printf("failed %s\n", job->error.text);
        both->failed = true;
        return;
    }
    if (ask(both, job, collection, query, &sql) != DIRECTUS_SQL_ROWS)
        printf("rest\n");
    else if (json_object_equal(rest, sql))
        printf("same\n");
    else
        printf("differs %s %s\n", json_print(rest, NULL), json_print(sql, NULL));
}

static void
take_line(struct both *both, struct job *job, char *line)
{
    struct http_header query[PAIRS_MAX + 1] = {{NULL}};
    char *rest = line;
    char *collection = strsep(&rest, "\t\n");
    for (int i = 0; i < PAIRS_MAX && rest != NULL && rest[0] != '\0'; i++) {
        query[i].value = strsep(&rest, "\t\n");
        query[i].name = strsep((char **)&query[i].value, "=");
    }
    compare(both, job, collection, query);
}

static void
run(void *arg)
{
    struct both *both = arg;
    static const char refused[] = "failed: no session with DIRECTUS_DATABASE_URL\n";
    char *line = calloc(1, LINE_MAX_BYTES);
    struct job job;
    job_begin(&job, CONNECTS_MS + ANSWER_MS);
    both->failed = !connected(both, &job);
    if (both->failed)
        fputs(refused, stdout);
    job_end(&job);
    while (!both->failed && fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
        job_begin(&job, ANSWER_MS);
        take_line(both, &job, line);
        job_end(&job);
    }
    free(line);
}

int
main(void)
{
    struct both both = {.failed = false};
    struct error err = {0};
    http_init();
    bool open = directus_open(&both.sql, "both", &err) && both.sql.sql != NULL;
    both.rest = both.sql;
    both.rest.sql = NULL;
    struct loop *loop = open ? loop_new(STACK_BYTES, &err) : NULL;
    if (loop == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    loop_spawn(loop, run, &both);
    if (!loop_start(loop, "both", &err))
        return 1;
    loop_stop(loop);
    loop_free(loop);
    directus_close(&both.sql);
    http_exit();
    return both.failed;
}
