#include "common/ledger.h"

#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "tests/harness/test.h"

static bool
fake_state_read(struct ledger *ledger, struct job *job, const char *entity,
                struct json_object **state)
{
    (void)ledger;
    if (strcmp(entity, "quote:fenced") == 0)
        return error_fenced(&job->error, "taken away");
    *state = json_object_in(job);
    json_set_string(*state, "of", entity);
    return true;
}

static bool
fake_ref_remote(struct ledger *ledger, struct job *job, const char *system,
                const struct ledger_ref *remote, struct ledger_ref *ref)
{
    (void)ledger;
    *ref = *remote;
    ref->local_id = job_printf(job, "%s/%s/%s/%s", system, remote->company,
                               remote->remote_type, remote->remote_id);
    return true;
}

static bool
fake_cursor_read(struct ledger *ledger, struct job *job, const char *name,
                 const char **value)
{
    (void)ledger;
    *value = job_strdup(job, name);
    return true;
}

static struct ledger fake = {
    .state_read = fake_state_read,
    .ref_remote = fake_ref_remote,
    .cursor_read = fake_cursor_read,
};

static void
questions_go_to_the_jobs_ledger(void **state)
{
    (void)state;
    struct job job;
    struct ledger_ref ref;
    const char *value = NULL;
    job_begin(&job, 1000);
    job.ledger = &fake;
    struct json_object *obj = ledger_state(&job, "quote:1");
    assert_string_equal(json_string_or(obj, "of", ""), "quote:1");
    assert_true(ledger_ref_remote(&job, "ninja", "NTH", "invoice", "7", &ref));
    assert_string_equal(ref.local_id, "ninja/NTH/invoice/7");
    assert_true(ledger_cursor(&job, "sweep", &value));
    assert_string_equal(value, "sweep");
    assert_null(ledger_state(&job, "quote:fenced"));
    assert_int_equal(job.error.kind, ERROR_FENCED);
    job_end(&job);
}

static void
a_job_reads_the_state_it_has_written_itself(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    job.ledger = &fake;
    struct json_object *obj = json_object_in(&job);
    json_set_i64(obj, "round", 2);
    settlement_state(&job, "quote:1", obj);
    json_set_i64(obj, "round", 3); // after it was said
    assert_int_equal(json_i64_or(ledger_state(&job, "quote:1"), "round", 0), 2);
    assert_string_equal(json_string_or(ledger_state(&job, "quote:2"), "of", ""),
                        "quote:2");
    job_end(&job);
}

static void
without_a_ledger_nothing_is_answered(void **state)
{
    (void)state;
    struct job job;
    struct ledger_ref ref;
    const char *value = NULL;
    job_begin(&job, 1000);
    assert_null(ledger_state(&job, "quote:1"));
    assert_int_equal(job.error.kind, ERROR_PERMANENT);
    assert_false(ledger_ref_remote(&job, "ninja", "NTH", "invoice", "7", &ref));
    assert_false(ledger_cursor(&job, "sweep", &value));
    job_end(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_go_to_the_jobs_ledger),
        cmocka_unit_test(a_job_reads_the_state_it_has_written_itself),
        cmocka_unit_test(without_a_ledger_nothing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
