#include "workers/cli/letters.h"

#include <string.h>

#include "tests/harness/test.h"
#include "workers/cli/redact.h"

#define HEADER(key, text)                                      \
    {                                                          \
        .name = (key), .value = (text), .length = strlen(text) \
    }

static struct record
letter_of(const struct record_header headers[], size_t count, const char *payload)
{
    return (struct record){
        .topic = "docuseal.dead-letters",
        .partition = 3,
        .offset = 17,
        .key = "quote:1",
        .key_length = 7,
        .payload = payload,
        .payload_length = strlen(payload),
        .headers = headers,
        .header_count = count,
    };
}

static void
a_replay_keeps_what_the_event_was(void **state)
{
    const struct record_header headers[] = {
        HEADER("ce_id", "e1"),       HEADER("ce_source", "docuseal"),
        HEADER("ce_type", "t"),      HEADER("x-dead-topic", "docuseal.webhooks"),
        HEADER("x-dead-error", "e"), HEADER("ce_sequence", "5"),
    };
    const struct record letter = letter_of(headers, 6, "{}");
    char seen[EVENT_SEEN];
    struct error err = {0};
    (void)state;
    struct record *again = letters_replay(&letter, seen, &err);
    assert_non_null(again);
    assert_string_equal(again->topic, "docuseal.webhooks");
    assert_string_equal(again->key, "quote:1");
    assert_string_equal(record_header(again, "ce_originalid"), "e1");
    assert_string_equal(record_header(again, "ce_sequence"), "5");
    assert_null(record_header(again, "x-dead-error"));
    assert_string_not_equal(record_header(again, "ce_id"), "e1");
    assert_int_equal(strncmp(seen, "docuseal ", 9), 0);
    assert_string_equal(seen + 9, record_header(again, "ce_id"));
    record_free(again);
}

static void
a_letter_that_was_cut_has_no_replay(void **state)
{
    const struct record_header headers[] = {
        HEADER("ce_id", "e1"),
        HEADER("ce_source", "docuseal"),
        HEADER("ce_type", "t"),
        HEADER("x-dead-topic", "docuseal.webhooks"),
        HEADER("x-dead-partition", "3"),
        HEADER("x-dead-offset", "12"),
        HEADER("x-dead-cut", "2 of 9 bytes of the payload")};
    const struct record letter = letter_of(headers, 7, "{}");
    char seen[EVENT_SEEN];
    struct error err = {0};
    (void)state;
    assert_null(letters_replay(&letter, seen, &err));
    assert_non_null(strstr(err.text, "docuseal.webhooks/3/12"));
}

static void
a_replay_of_a_replay_keeps_the_first_identity(void **state)
{
    const struct record_header headers[] = {
        HEADER("ce_id", "e2"), HEADER("ce_originalid", "e1"),
        HEADER("ce_source", "relais/api"), HEADER("ce_type", "t"),
        HEADER("x-dead-topic", "docuseal.commands")};
    const struct record letter = letter_of(headers, 5, "{}");
    char seen[EVENT_SEEN];
    struct error err = {0};
    (void)state;
    struct record *again = letters_replay(&letter, seen, &err);
    assert_non_null(again);
    assert_string_equal(record_header(again, "ce_originalid"), "e1");
    assert_string_equal(seen, record_header(again, "ce_id"));
    record_free(again);
}

static void
a_replay_has_every_header_of_the_letter(void **state)
{
    enum { FOREIGN = 100 };
    struct record_header headers[FOREIGN + 4];
    const struct record_header own[] = {
        HEADER("ce_id", "e1"), HEADER("ce_source", "docuseal"), HEADER("ce_type", "t"),
        HEADER("x-dead-topic", "docuseal.webhooks")};
    (void)state;
    for (size_t i = 0; i < FOREIGN; i++)
        headers[i] = (struct record_header){"x-hop", "1", 1};
    memcpy(headers + FOREIGN, own, sizeof own);
    const struct record letter = letter_of(headers, FOREIGN + 4, "{}");
    char seen[EVENT_SEEN];
    struct error err = {0};
    struct record *again = letters_replay(&letter, seen, &err);
    assert_non_null(again);
    assert_string_equal(record_header(again, "ce_type"), "t");
    assert_int_equal(again->header_count, FOREIGN + 4);
    record_free(again);
}

static void
an_envelope_is_replayed_as_one(void **state)
{
    const struct record_header headers[] = {
        HEADER("content-type", "application/cloudevents+json"),
        HEADER("x-dead-topic", "docuseal.commands")};
    const struct record letter = letter_of(
        headers, 2,
        "{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"s\",\"type\":\"t\"}");
    char seen[EVENT_SEEN];
    struct error err = {0};
    (void)state;
    struct record *again = letters_replay(&letter, seen, &err);
    assert_non_null(again);
    assert_non_null(strstr(again->payload, "\"originalid\":\"e1\""));
    assert_null(strstr(again->payload, "\"id\":\"e1\""));
    record_free(again);
}

static void
what_is_no_event_is_not_replayed(void **state)
{
    const struct record_header headers[] = {
        HEADER("x-dead-topic", "docuseal.commands")};
    const struct record letter = letter_of(headers, 1, "x");
    const struct record nowhere = letter_of(NULL, 0, "x");
    char seen[EVENT_SEEN];
    struct error err = {0};
    (void)state;
    assert_null(letters_replay(&letter, seen, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_null(letters_replay(&nowhere, seen, &err));
    assert_non_null(strstr(err.text, "x-dead-topic"));
}

static void
the_worker_is_in_the_topic(void **state)
{
    char worker[PLACE_NAME];
    (void)state;
    assert_true(letters_worker("invoice-ninja.dead-letters", worker));
    assert_string_equal(worker, "invoice-ninja");
    assert_false(letters_worker(".dead-letters", worker));
    assert_false(letters_worker("docuseal.commands", worker));
}

static void
secrets_are_stars_at_every_depth(void **state)
{
    static const char text[] =
        "{\"a\":[{\"slug\":\"x\",\"n\":1.50}],\"API_KEY\":\"k\",\"b\":null,"
        "\"t\":{\"embed_src\":{\"x\":1}}}";
    struct str out;
    (void)state;
    str_begin(&out, 1000);
    redact_json(&out, text, strlen(text));
    assert_string_equal(out.data, "{\"a\":[{\"slug\":\"***\",\"n\":1.50}],"
                                  "\"API_KEY\":\"***\",\"b\":null,"
                                  "\"t\":{\"embed_src\":\"***\"}}");
    str_end(&out);
    str_begin(&out, 1000);
    redact_json(&out, "secret", 6);
    assert_string_equal(out.data, "\"not JSON, 6 bytes\"");
    str_end(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_keeps_what_the_event_was),
        cmocka_unit_test(a_letter_that_was_cut_has_no_replay),
        cmocka_unit_test(a_replay_of_a_replay_keeps_the_first_identity),
        cmocka_unit_test(a_replay_has_every_header_of_the_letter),
        cmocka_unit_test(an_envelope_is_replayed_as_one),
        cmocka_unit_test(what_is_no_event_is_not_replayed),
        cmocka_unit_test(the_worker_is_in_the_topic),
        cmocka_unit_test(secrets_are_stars_at_every_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
