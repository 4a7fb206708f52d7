#include "common/job.h"

#include <json-c/json.h>
#include <string.h>

#include "common/clock.h"
#include "tests/harness/test.h"

static void
memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    unsigned char *before = NULL;
    size_t before_bytes = 0;
    for (size_t bytes = 1; bytes < 5000; bytes += 37) {
        unsigned char *memory = job_alloc(&job, bytes);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xAA, bytes);
        for (size_t i = 0; i < before_bytes; i++)
            assert_int_equal(before[i], 0x55);
        memset(memory, 0x55, bytes);
        before = memory;
        before_bytes = bytes;
    }
    assert_non_null(job_alloc(&job, 0));
    assert_non_null(job_alloc(&job, 1 << 20));
    job_end(&job);
}

static void
text_is_copied(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    char text[] = "abc";
    char *copy = job_strdup(&job, text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_null(job_strdup(&job, NULL));
    char *bytes = job_memdup(&job, "a\0b", 3);
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(job_printf(&job, "%s-%d", "x", 7), "x-7");
    assert_int_equal(strlen(job_printf(&job, "%05000d", 1)), 5000);
    job_end(&job);
}

struct trace {
    char order[8];
    size_t length;
};

struct mark {
    struct trace *trace;
    char name;
};

static void
note(void *what)
{
    struct mark *mark = what;
    mark->trace->order[mark->trace->length++] = mark->name;
}

static void
what_was_deferred_last_is_done_first(void **state)
{
    (void)state;
    struct trace trace = {{0}, 0};
    struct job job;
    job_begin(&job, 1000);
    for (const char *name = "abc"; *name != '\0'; name++) {
        struct mark *mark = job_alloc(&job, sizeof *mark);
        *mark = (struct mark){&trace, *name};
        job_defer(&job, note, mark); // reads the job's memory while it ends
    }
    job_end(&job);
    assert_string_equal(trace.order, "cba");
    job_end(&job);
    assert_string_equal(trace.order, "cba");
}

static void
a_reference_is_dropped_once(void **state)
{
    (void)state;
    struct json_object *obj = json_object_new_object();
    json_object_get(obj); // the test's own
    struct job job;
    job_begin(&job, 1000);
    assert_ptr_equal(job_own(&job, obj), obj);
    assert_null(job_own(&job, NULL));
    job_end(&job);
    assert_int_equal(json_object_put(obj), 1); // 1: it was the last one
}

static bool
not_allowed(struct job *job)
{
    (void)job;
    return false;
}

static void
no_call_is_made_past_the_deadline(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 60000);
    assert_true(job_left_ms(&job) > 0 && job_left_ms(&job) <= 60000);
    assert_true(job_may_call(&job));
    job.deadline_ms = clock_ms() - 1;
    assert_int_equal(job_left_ms(&job), 0);
    assert_false(job_may_call(&job));
    assert_int_equal(job.error.kind, ERROR_RETRYABLE);
    job_end(&job);
}

static void
no_call_is_made_after_the_partition_was_taken_away(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 0);
    job.allowed = not_allowed;
    assert_false(job_may_call(&job));
    assert_int_equal(job.error.kind, ERROR_FENCED); // it weighs more than the deadline
    job_end(&job);
}

static void
the_clock_of_the_business_can_be_moved(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    char date[CLOCK_DATE];
    int64_t now_ms = job_now_ms(&job);
    assert_true(now_ms <= clock_wall_ms());
    job.ahead_ms = INT64_C(14) * 24 * 3600 * 1000;
    assert_true(job_now_ms(&job) >= now_ms + job.ahead_ms);
    clock_date(job_now_ms(&job), date);
    assert_string_equal(job_today(&job), date);
    job_end(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(text_is_copied),
        cmocka_unit_test(what_was_deferred_last_is_done_first),
        cmocka_unit_test(a_reference_is_dropped_once),
        cmocka_unit_test(no_call_is_made_past_the_deadline),
        cmocka_unit_test(no_call_is_made_after_the_partition_was_taken_away),
        cmocka_unit_test(the_clock_of_the_business_can_be_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
