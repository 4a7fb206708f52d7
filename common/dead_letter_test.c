#include "common/dead_letter.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/harness/test.h"

enum { MAX_BYTES = 1000 * 1000, PATIENCE_MS = 30000, COPY_BYTES = 8000 };

struct letter {
    struct job job;
    const struct settle_out *out;
    struct json_object *headers;
};

static char *
text_of(struct job *job, size_t length)
{
    char *text = job_alloc(job, length + 1);
    memset(text, 'x', length);
    return text;
}

// A letter about a record with a header and a payload of these sizes, after a call that
// left copies of COPY_BYTES.
static void
write_letter(struct letter *letter, size_t header_bytes, size_t payload_bytes)
{
    struct job *job = &letter->job;
    struct error error;
    job_begin(job, PATIENCE_MS);
    settlement_begin(job);
    error_permanent(&error, "the quote has no contact");
    error.service = "signer";
    const char *copy = text_of(job, COPY_BYTES);
    const struct http_blamed blamed = {
        .service = "signer", .request = copy, .response = copy};
    const struct record_header headers[] = {
        {"ce_id", "1", 1}, {"x-large", text_of(job, header_bytes), header_bytes}};
    const struct record record = {.topic = "signer.commands",
                                  .offset = 7,
                                  .key = "k",
                                  .key_length = 1,
                                  .payload = text_of(job, payload_bytes),
                                  .payload_length = payload_bytes,
                                  .headers = headers,
                                  .header_count = 2};
    dead_letter_add(job, &(struct dead_letter){.worker = "signer",
                                               .max_bytes = MAX_BYTES,
                                               .record = &record,
                                               .seen = "1",
                                               .error = &error,
                                               .calls = "POST /submissions: 422 12 ms",
                                               .blamed = &blamed});
    letter->out = job->settlement->outbox;
    letter->headers =
        json_parse(job, letter->out->headers, strlen(letter->out->headers));
}

static const char *
header(const struct letter *letter, const char *name)
{
    return json_string_or(letter->headers, name, "");
}

// As Kafka counts it.
static size_t
bytes_of(const struct letter *letter)
{
    size_t bytes = strlen(letter->out->key) + letter->out->payload_length;
    json_object_object_foreach(letter->headers, name, value)
    {
        bytes += strlen(name) + (size_t)json_object_get_string_len(value) + 10;
    }
    return bytes;
}

static void
a_small_letter_has_everything(void **state)
{
    struct letter letter;
    (void)state;
    write_letter(&letter, 10, 100 * 1000);
    assert_int_equal(letter.out->payload_length, 100 * 1000);
    assert_int_equal(strlen(header(&letter, "x-dead-request")), COPY_BYTES);
    assert_int_equal(strlen(header(&letter, "x-dead-response")), COPY_BYTES);
    assert_string_equal(header(&letter, "x-dead-calls"),
                        "POST /submissions: 422 12 ms");
    assert_string_equal(header(&letter, "x-dead-topic"), "signer.commands");
    assert_string_equal(header(&letter, "x-dead-cut"), "");
    job_end(&letter.job);
}

static void
a_large_letter_cuts_the_copies_of_the_call_first(void **state)
{
    struct letter letter;
    (void)state;
    write_letter(&letter, 10, MAX_BYTES - 16 * 1000);
    assert_int_equal(letter.out->payload_length, MAX_BYTES - 16 * 1000);
    assert_int_equal(strlen(header(&letter, "x-dead-request")), COPY_BYTES);
    assert_true(str_ends(header(&letter, "x-dead-response"),
                         "x\n(cut: the record has no room for more)"));
    assert_true(bytes_of(&letter) <= MAX_BYTES);
    job_end(&letter.job);
}

// Byte by byte around the place where nothing more fits.
static void
no_letter_is_larger_than_kafka_takes(void **state)
{
    (void)state;
    for (size_t size = MAX_BYTES - 22 * 1000; size < MAX_BYTES + 2000; size += 499) {
        struct letter letter;
        write_letter(&letter, 10, size);
        assert_true(bytes_of(&letter) <= MAX_BYTES);
        bool whole = letter.out->payload_length == size;
        assert_int_equal(header(&letter, "x-dead-cut")[0] == '\0', whole);
        assert_true(whole || size > MAX_BYTES - 5000);
        assert_string_equal(header(&letter, "x-dead-error"),
                            "the quote has no contact");
        assert_string_equal(header(&letter, "ce_id"), "1");
        job_end(&letter.job);
    }
}

static void
a_payload_that_is_cut_is_told(void **state)
{
    struct letter letter;
    char told[80];
    (void)state;
    write_letter(&letter, 10, MAX_BYTES);
    snprintf(told, sizeof told, "%zu of 1000000 bytes of the payload",
             letter.out->payload_length);
    assert_string_equal(header(&letter, "x-dead-cut"), told);
    job_end(&letter.job);
}

static void
a_header_that_is_too_large_is_left_out(void **state)
{
    struct letter letter;
    (void)state;
    write_letter(&letter, MAX_BYTES, 100);
    assert_null(json_at(letter.headers, "x-large"));
    assert_int_equal(letter.out->payload_length, 100);
    assert_string_equal(header(&letter, "ce_id"), "1");
    job_end(&letter.job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_letter_has_everything),
        cmocka_unit_test(a_large_letter_cuts_the_copies_of_the_call_first),
        cmocka_unit_test(no_letter_is_larger_than_kafka_takes),
        cmocka_unit_test(a_payload_that_is_cut_is_told),
        cmocka_unit_test(a_header_that_is_too_large_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
