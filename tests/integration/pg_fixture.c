#include "tests/integration/pg_fixture.h"

#include "tests/harness/test.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/pg.h"

// Runs postgres.sh and reads the first line that it prints, if out is given.
static void
script(const char *verb, const char *argument, char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char *const argv[] = {"postgres.sh", (char *)(uintptr_t)verb,
                          (char *)(uintptr_t)argument, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    pid_t pid;
    assert_int_equal(
        posix_spawn(&pid, TEST_DIR "/postgres.sh", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (out != NULL) {
        ssize_t length = read(ends[0], out, size - 1);
        out[length > 0 ? length : 0] = '\0';
        out[strcspn(out, "\n")] = '\0';
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    assert_int_equal(status, 0);
}

void
pg_fixture_start(struct pg_fixture *fixture)
{
    char pid[24];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    script("start", pid, fixture->dir, sizeof fixture->dir);
    snprintf(fixture->url, sizeof fixture->url,
             "postgresql://postgres@/postgres?host=%s", fixture->dir);
}

void
pg_fixture_stop(struct pg_fixture *fixture)
{
    script("stop", fixture->dir, NULL, 0);
}

void
pg_fixture_crash(const struct pg_fixture *fixture)
{
    script("crash", fixture->dir, NULL, 0);
}

void
pg_fixture_again(const struct pg_fixture *fixture)
{
    script("again", fixture->dir, NULL, 0);
}

void
pg_fixture_freeze(const struct pg_fixture *fixture, bool frozen)
{
    script(frozen ? "freeze" : "thaw", fixture->dir, NULL, 0);
}

struct pg *
pg_fixture_connect(const struct pg_fixture *fixture)
{
    struct error err = {0};
    struct pg *pg = pg_open(fixture->url, "test", &err);
    if (pg == NULL)
        fail_msg("%s", err.text);
    return pg;
}

void
pg_fixture_do(struct pg *pg, const char *sql)
{
    struct error err = {0};
    if (!pg_script(pg, sql, &err))
        fail_msg("%s", err.text);
}

void
pg_fixture_file(struct pg *pg, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/schemas/postgres/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct str sql;
    str_begin(&sql, 1024 * 1024);
    char chunk[2048];
    size_t length;
    while ((length = fread(chunk, 1, sizeof chunk, file)) > 0)
        str_append(&sql, chunk, length);
    fclose(file);
    assert_false(sql.failed);
    pg_fixture_do(pg, sql.data);
    str_end(&sql);
}

static struct pg_rows *
query(struct pg *pg, const char *sql)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    if (!pg_run(pg, sql, NULL, 0, &rows, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pg_rows_count(rows), 1);
    return rows;
}

long long
pg_fixture_number(struct pg *pg, const char *sql)
{
    struct pg_rows *rows = query(pg, sql);
    long long value = pg_i64(rows, 0, 0);
    pg_rows_free(rows);
    return value;
}

char *
pg_fixture_text(struct pg *pg, const char *sql)
{
    struct pg_rows *rows = query(pg, sql);
    const char *text = pg_text(rows, 0, 0);
    char *copy = str_dup(text != NULL ? text : "");
    pg_rows_free(rows);
    return copy;
}
