// An audit believes the row in Directus, whatever the ledger remembers.
#include <string.h>

#include "common/drift.h"
#include "common/str.h"
#include "workers/docuseal/tests/story.h"

#define AUDIT                                                                    \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"4107\",\"root\":\"" QUOTE_ROOT \
    "\",\"why\":\"audit\"}"
#define ROWS(text)                                                  \
    {                                                               \
        "GET", "/items/quotes?filter%5Bid%5D*", 200, .body = (text) \
    }
#define ROW(status, submission, files, logs)                                          \
    ROWS("{\"data\":[{\"id\":\"" QUOTE "\",\"status\":\"completed\","                 \
         "\"signature_status\":\"" status "\",\"docuseal_submission_id\":" submission \
         "," files ",\"signature_logs\":" logs "}]}")
#define FILES "\"signed_document_file\":\"f1\",\"audit_log_file\":\"f2\""
#define NO_DOCUMENT "\"signed_document_file\":null,\"audit_log_file\":\"f2\""
#define TWO_LOGS "[{\"id\":\"l1\"},{\"id\":\"l2\"}]"
#define ONE_LOG "[{\"id\":\"l1\"}]"

static struct error
audit(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, OBSERVED, AUDIT, replies);
}

static void
what_says_the_same_is_left_alone(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    int published = scene->fake.published_count;
    struct error err = audit(
        scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                     ROW("completed", "4107", FILES, TWO_LOGS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
    assert_false(str_starts(scene->fake.note, DRIFT_NOTE));
}

static void
words_that_a_person_wrote_are_put_right(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    int published = scene->fake.published_count;
    struct error err =
        audit(scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                           ROW("none", "null", FILES, TWO_LOGS),
                                           WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_print(patch_of(scene), NULL),
                        "{\"docuseal_submission_id\":\"4107\","
                        "\"signature_status\":\"completed\"}");
    assert_string_equal(scene->fake.note,
                        "put right: docuseal_submission_id was \"\"; signature_status "
                        "was \"none\"");
    assert_int_equal(scene->fake.published_count, published);
}

static void
a_signature_that_still_waits_is_pending(void **state)
{
    struct scene *scene = *state;
    struct error err =
        audit(scene, (struct fake_reply[]){SUBMISSION(untouched(scene)),
                                           ROW("completed", "4107", FILES, TWO_LOGS),
                                           WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_print(patch_of(scene), NULL),
                        "{\"signature_status\":\"pending\"}");
}

static void
assert_stored_again(struct scene *scene, const struct fake_reply *row,
                    const char *missing)
{
    struct error err =
        audit(scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)), *row,
                                           EVIDENCE, NO_FORMS, NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(json_at(patch_of(scene), "signed_document_file") != NULL);
    assert_true(json_at(log_row(scene, "create", 1), "id") != NULL);
    assert_non_null(strstr(scene->fake.note, missing));
    assert_true(str_starts(scene->fake.note, DRIFT_NOTE));
}

static void
evidence_that_is_not_there_is_stored_again(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    const struct fake_reply without = ROW("completed", "4107", NO_DOCUMENT, TWO_LOGS);
    assert_stored_again(scene, &without, "signed_document_file was not there");
    const struct fake_reply fewer = ROW("completed", "4107", FILES, ONE_LOG);
    assert_stored_again(scene, &fewer, "signature_logs was not there");
}

static void
what_nobody_had_told_is_put_right(void **state)
{
    struct scene *scene = *state;
    struct error err = audit(
        scene, (struct fake_reply[]){SUBMISSION(declined(scene)), WRITTEN,
                                     ROW("declined", "4107", FILES, ONE_LOG), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.rejected"), 1);
    assert_string_equal(scene->fake.note, "put right: submission 4107: declined");
}

static void
a_quote_that_is_gone_is_left_alone(void **state)
{
    struct scene *scene = *state;
    struct error err = audit(scene, (struct fake_reply[]){SUBMISSION(untouched(scene)),
                                                          ROWS("{\"data\":[]}"), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "is not in Directus any more"));
}

#define ASKED(test) cmocka_unit_test_setup_teardown(test, asked_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ASKED(what_says_the_same_is_left_alone),
        ASKED(words_that_a_person_wrote_are_put_right),
        ASKED(a_signature_that_still_waits_is_pending),
        ASKED(evidence_that_is_not_there_is_stored_again),
        ASKED(what_nobody_had_told_is_put_right),
        ASKED(a_quote_that_is_gone_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
