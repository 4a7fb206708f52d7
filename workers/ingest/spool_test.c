#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/str.h"
#include "tests/harness/test.h"
#include "workers/ingest/spool.h"
#include "workers/ingest/wait.h"

enum { MEGABYTE = 1 << 20, LARGE = 300 << 10, FILE_LIMIT = 200 << 10 };

struct fixture {
    char folder[64];
    struct ingest_spool *spool;
    // What the writer told.
    pthread_mutex_t mutex;
    pthread_cond_t news;
    int kept, failed;
};

static struct ingest_spool *
open_spool(struct fixture *f, int64_t max_bytes)
{
    struct error err;
    struct ingest_spool_options options = {.folder = f->folder, .max_bytes = max_bytes};
    struct ingest_spool *spool = ingest_spool_open(&options, &err);
    if (spool == NULL)
        fail_msg("%s", err.text);
    return spool;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    str_copy(f->folder, sizeof f->folder, "/tmp/relais-spool-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    pthread_mutex_init(&f->mutex, NULL);
    ingest_wait_init(&f->news);
    f->spool = open_spool(f, MEGABYTE);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    static const char *const files[] = {"spool.db", "spool.db-wal", "spool.db-shm",
                                        "lock", "reserve"};
    struct fixture *f = *state;
    char path[128];
    ingest_spool_close(f->spool);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void
on_written(void *owner, bool kept)
{
    struct fixture *f = owner;
    pthread_mutex_lock(&f->mutex);
    f->kept += kept;
    f->failed += !kept;
    pthread_cond_signal(&f->news);
    pthread_mutex_unlock(&f->mutex);
}

static void
wait_told(struct fixture *f, int count)
{
    pthread_mutex_lock(&f->mutex);
    while (f->kept + f->failed < count)
        pthread_cond_wait(&f->news, &f->mutex);
    pthread_mutex_unlock(&f->mutex);
}

static const struct record_header headers[] = {
    {"ce_id", "id-\xc3\xa9\"\\", 7},
    {"ce_type", "a.b", 3},
};

static const struct record sample = {
    .topic = "docuseal.webhooks",
    .key = "quote:1",
    .key_length = 7,
    .payload = "{\"a\":\"\\u0000\"}",
    .payload_length = 14,
    .headers = headers,
    .header_count = 2,
};

// Puts one row and waits for the commit.
static bool
put(struct fixture *f, int64_t sequence, const struct record *record)
{
    struct ingest_row row = {
        .record = record, .sequence = sequence, .written = on_written, .owner = f};
    struct ingest_row *rows[] = {&row};
    int told = f->kept + f->failed;
    if (!ingest_spool_put(f->spool, rows, 1))
        return false;
    wait_told(f, told + 1);
    return true;
}

static int
read_all(struct fixture *f, struct ingest_spooled rows[], int count)
{
    struct error err;
    int found = ingest_spool_read(f->spool, rows, count, &err);
    if (found < 0)
        fail_msg("%s", err.text);
    return found;
}

static void
free_rows(struct ingest_spooled rows[], int count)
{
    for (int i = 0; i < count; i++)
        record_free(rows[i].record);
}

static void
a_row_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct ingest_spooled rows[4];
    assert_true(put(f, 1, &sample));
    assert_int_equal(read_all(f, rows, 4), 1);
    const struct record *record = rows[0].record;
    assert_string_equal(record->topic, sample.topic);
    assert_int_equal(record->key_length, 7);
    assert_string_equal(record->key, sample.key);
    assert_int_equal(record->payload_length, 14);
    assert_memory_equal(record->payload, sample.payload, 14);
    assert_int_equal(record->header_count, 2);
    assert_string_equal(record_header(record, "ce_id"), headers[0].value);
    assert_string_equal(record_header(record, "ce_type"), "a.b");
    free_rows(rows, 1);
}

static void
rows_are_read_in_the_order_of_acceptance(void **state)
{
    struct fixture *f = *state;
    static const int64_t sequences[] = {5, 2, 9, 1, 7};
    struct ingest_spooled rows[8];
    for (int i = 0; i < 5; i++)
        assert_true(put(f, sequences[i], &sample));
    assert_int_equal(read_all(f, rows, 8), 5);
    for (int i = 1; i < 5; i++)
        assert_true(rows[i - 1].sequence < rows[i].sequence);
    free_rows(rows, 5);
    assert_int_equal(read_all(f, rows, 2), 2);
    assert_int_equal(rows[1].sequence, 2);
    free_rows(rows, 2);
}

static void
rows_survive_a_restart_and_removed_ones_do_not(void **state)
{
    struct fixture *f = *state;
    struct ingest_spooled rows[8];
    for (int i = 1; i <= 3; i++)
        assert_true(put(f, i, &sample));
    int64_t bytes = ingest_spool_bytes(f->spool);
    assert_int_equal(read_all(f, rows, 1), 1);
    assert_true(ingest_spool_remove(f->spool, rows, 1));
    free_rows(rows, 1);

    ingest_spool_close(f->spool);
    f->spool = open_spool(f, MEGABYTE);
    assert_int_equal(ingest_spool_rows(f->spool), 2);
    assert_int_equal(ingest_spool_bytes(f->spool), bytes * 2 / 3);
    assert_int_equal(ingest_spool_last_sequence(f->spool), 3);
    assert_true(ingest_spool_wait(f->spool, 0));
    assert_int_equal(read_all(f, rows, 8), 2);
    assert_int_equal(rows[0].sequence, 2);
    assert_true(ingest_spool_remove(f->spool, rows, 2));
    free_rows(rows, 2);
    assert_int_equal(ingest_spool_rows(f->spool), 0);
    assert_int_equal(ingest_spool_bytes(f->spool), 0);
    assert_false(ingest_spool_wait(f->spool, 0));
}

static void
beyond_its_limit_the_spool_takes_nothing(void **state)
{
    struct fixture *f = *state;
    char why[200] = "";
    char large[600];
    memset(large, 'x', sizeof large);
    struct record record = sample;
    record.payload = large;
    record.payload_length = sizeof large;

    ingest_spool_close(f->spool);
    f->spool = open_spool(f, 1000);
    assert_true(put(f, 1, &record));
    assert_false(put(f, 2, &record));
    assert_int_equal(ingest_spool_rows(f->spool), 1);
    assert_true(put(f, 3, &sample));
    assert_true(ingest_spool_healthy(f->spool, why, sizeof why));

    struct ingest_spooled rows[2];
    assert_int_equal(read_all(f, rows, 2), 2);
    assert_true(ingest_spool_remove(f->spool, rows, 1));
    free_rows(rows, 2);
    assert_true(put(f, 4, &record));
}

static void
a_full_disk_fails_the_row_and_the_next_one_after_it_is_kept(void **state)
{
    struct fixture *f = *state;
    char why[200] = "";
    static char large[LARGE]; // too much for the limit below, whatever is there
    struct record record = sample;
    memset(large, 'x', sizeof large);
    record.payload = large;
    record.payload_length = sizeof large;

    assert_true(put(f, 1, &sample));
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = FILE_LIMIT, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(put(f, 2, &record));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_int_equal(f->failed, 1);
    assert_false(ingest_spool_healthy(f->spool, why, sizeof why));
    assert_true(why[0] != '\0');
    assert_int_equal(ingest_spool_rows(f->spool), 1);
    assert_true(put(f, 3, &record));
    assert_int_equal(f->failed, 1);
    assert_true(ingest_spool_healthy(f->spool, why, sizeof why));
    struct ingest_spooled rows[4];
    assert_int_equal(read_all(f, rows, 4), 2);
    assert_int_equal(rows[1].sequence, 3);
    free_rows(rows, 2);
}

static void
one_row_that_cannot_be_written_does_not_fail_its_batch(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 10 };
    struct ingest_row list[ROWS];
    struct ingest_row *rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        // The last has the sequence of the first.
        list[i] = (struct ingest_row){.record = &sample,
                                      .sequence = i == ROWS - 1 ? 1 : i + 1,
                                      .written = on_written,
                                      .owner = f};
        rows[i] = &list[i];
    }
    assert_true(ingest_spool_put(f->spool, rows, ROWS));
    wait_told(f, ROWS);
    assert_int_equal(f->kept, ROWS - 1);
    assert_int_equal(f->failed, 1);
    assert_int_equal(ingest_spool_rows(f->spool), ROWS - 1);
}

static void
a_refused_row_is_set_aside_and_kept(void **state)
{
    struct fixture *f = *state;
    struct ingest_spooled rows[2];
    assert_true(put(f, 1, &sample));
    assert_true(put(f, 2, &sample));
    assert_int_equal(read_all(f, rows, 1), 1);
    assert_true(ingest_spool_refuse(f->spool, &rows[0], "too large"));
    free_rows(rows, 1);
    assert_int_equal(ingest_spool_rows(f->spool), 1);
    assert_int_equal(ingest_spool_refused(f->spool), 1);

    ingest_spool_close(f->spool);
    f->spool = open_spool(f, MEGABYTE);
    assert_int_equal(ingest_spool_refused(f->spool), 1);
    assert_int_equal(read_all(f, rows, 2), 1);
    assert_int_equal(rows[0].sequence, 2);
    free_rows(rows, 1);
}

static void
a_folder_belongs_to_one_process(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct ingest_spool_options options = {.folder = f->folder, .max_bytes = MEGABYTE};
    assert_null(ingest_spool_open(&options, &err));
    assert_non_null(strstr(err.text, "INGEST_SPOOL"));
    options.folder = "/proc/nowhere/spool";
    assert_null(ingest_spool_open(&options, &err));
    assert_non_null(strstr(err.text, "INGEST_SPOOL"));
}

struct putter {
    struct fixture *f;
    pthread_t thread;
    int64_t base;
};

enum { PUTTERS = 8, PER_PUTTER = 200 };

static void *
put_many(void *arg)
{
    struct putter *putter = arg;
    struct ingest_row *rows = calloc(PER_PUTTER, sizeof *rows);
    for (int i = 0; i < PER_PUTTER; i++) {
        rows[i] = (struct ingest_row){.record = &sample,
                                      .sequence = putter->base + i,
                                      .written = on_written,
                                      .owner = putter->f};
        struct ingest_row *one[] = {&rows[i]};
        if (!ingest_spool_put(putter->f->spool, one, 1))
            abort();
    }
    return rows;
}

static void
many_threads_share_commits_and_lose_nothing(void **state)
{
    struct fixture *f = *state;
    struct putter putters[PUTTERS];
    struct ingest_spooled rows[100];
    int removed = 0;
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){.f = f, .base = 1 + i * PER_PUTTER};
        pthread_create(&putters[i].thread, NULL, put_many, &putters[i]);
    }
    // The drainer removes while the others still put.
    while (removed < PUTTERS * PER_PUTTER) {
        if (!ingest_spool_wait(f->spool, 1000))
            continue;
        int count = read_all(f, rows, 100);
        assert_true(ingest_spool_remove(f->spool, rows, count));
        free_rows(rows, count);
        removed += count;
    }
    void *lists[PUTTERS];
    for (int i = 0; i < PUTTERS; i++)
        pthread_join(putters[i].thread, &lists[i]);
    wait_told(f, PUTTERS * PER_PUTTER);
    for (int i = 0; i < PUTTERS; i++)
        free(lists[i]);
    assert_int_equal(removed, PUTTERS * PER_PUTTER);
    assert_int_equal(f->failed, 0);
    assert_int_equal(ingest_spool_rows(f->spool), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_comes_back_as_it_was),
        TEST(rows_are_read_in_the_order_of_acceptance),
        TEST(rows_survive_a_restart_and_removed_ones_do_not),
        TEST(beyond_its_limit_the_spool_takes_nothing),
        TEST(a_full_disk_fails_the_row_and_the_next_one_after_it_is_kept),
        TEST(one_row_that_cannot_be_written_does_not_fail_its_batch),
        TEST(a_refused_row_is_set_aside_and_kept),
        TEST(a_folder_belongs_to_one_process),
        TEST(many_threads_share_commits_and_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
