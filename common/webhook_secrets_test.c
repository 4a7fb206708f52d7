#include "common/webhook_secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/test.h"

static const char *const variables[] = {
    "T_HOOK",           "T_HOOK_PREVIOUS",        "T_HOOK_FILE",      "T_HOOK_ENKI",
    "T_HOOK_ENKI_FILE", "T_HOOK_ENKI_PREVIOUS",   "T_HOOK_ENKI_REAL", "T_HOOKED",
    "T_HOOK_LEXAIA",    "T_HOOK_LEXAIA_PREVIOUS", "T_HOOK_",          NULL,
};

static int
begin(void **state)
{
    (void)state;
    for (int i = 0; variables[i] != NULL; i++)
        unsetenv(variables[i]);
    return 0;
}

static struct webhook_secrets *
opened(void)
{
    struct error err;
    struct webhook_secrets *secrets = webhook_secrets_open("T_HOOK", &err);
    if (secrets == NULL)
        fail_msg("%s", err.text);
    return secrets;
}

static bool
matches(const char *company, const char *given)
{
    struct webhook_secrets *secrets = opened();
    bool fits = webhook_secrets_match(secrets, company, given);
    webhook_secrets_close(secrets);
    return fits;
}

static void
without_a_secret_nothing_fits(void **state)
{
    (void)state;
    unsigned char mac[HMAC_BYTES];
    setenv("T_HOOKED", "other", 1);
    setenv("T_HOOK_", "nameless", 1);
    setenv("T_HOOK_LEXAIA", "", 1);
    struct webhook_secrets *secrets = opened();
    hmac_sha256("", 0, "x", 1, NULL, 0, mac);
    assert_false(webhook_secrets_any(secrets));
    assert_null(webhook_secrets_now(secrets, "LEXAIA"));
    assert_false(webhook_secrets_match(secrets, "", ""));
    assert_false(webhook_secrets_match(secrets, "LEXAIA", ""));
    assert_false(webhook_secrets_match(secrets, "", "nameless"));
    assert_false(webhook_secrets_signed(secrets, "", "x", 1, mac));
    webhook_secrets_close(secrets);
}

static void
the_common_secret_is_for_those_without_their_own(void **state)
{
    (void)state;
    setenv("T_HOOK", "common", 1);
    setenv("T_HOOK_ENKI", "own", 1);
    assert_true(matches("", "common"));
    assert_true(matches("LEXAIA", "common"));
    assert_true(matches("ENKI", "own"));
    assert_false(matches("ENKI", "common"));
    assert_false(matches("LEXAIA", "own"));
    assert_false(matches("LEXAIA", "commo"));
    assert_false(matches("LEXAIA", NULL));
}

static void
a_shorter_code_stands_for_longer_ones_that_have_none(void **state)
{
    (void)state;
    setenv("T_HOOK_ENKI", "short", 1);
    assert_true(matches("ENKI_REALTY", "short"));
    assert_true(matches("enki-realty", "short"));
    assert_false(matches("ENKIDU", "short"));
    assert_false(matches("ENK", "short"));
    setenv("T_HOOK_ENKI_REAL", "long", 1);
    assert_true(matches("ENKI_REAL_ESTATE", "long"));
    assert_false(matches("ENKI_REAL_ESTATE", "short"));
    assert_true(matches("ENKI_REALTY", "short"));
}

static void
two_fit_during_a_rotation(void **state)
{
    (void)state;
    setenv("T_HOOK", "new", 1);
    setenv("T_HOOK_PREVIOUS", "old", 1);
    setenv("T_HOOK_ENKI", "own-new", 1);
    setenv("T_HOOK_ENKI_PREVIOUS", "own-old", 1);
    assert_true(matches("LEXAIA", "new"));
    assert_true(matches("LEXAIA", "old"));
    assert_true(matches("ENKI", "own-new"));
    assert_true(matches("ENKI", "own-old"));
    assert_false(matches("ENKI", "old"));
    assert_false(matches("LEXAIA", ""));
}

static void
on_the_way_back_to_the_common_secret_both_fit(void **state)
{
    (void)state;
    setenv("T_HOOK", "new", 1);
    setenv("T_HOOK_PREVIOUS", "old", 1);
    setenv("T_HOOK_LEXAIA_PREVIOUS", "only-old", 1);
    assert_true(matches("LEXAIA", "only-old"));
    assert_true(matches("LEXAIA", "new"));
    assert_false(matches("LEXAIA", "old"));
    assert_false(matches("TAKEOUT", "only-old"));
}

static void
the_newest_one_is_registered(void **state)
{
    (void)state;
    setenv("T_HOOK", "new", 1);
    setenv("T_HOOK_PREVIOUS", "old", 1);
    setenv("T_HOOK_ENKI", "own", 1);
    setenv("T_HOOK_LEXAIA_PREVIOUS", "only-old", 1);
    struct webhook_secrets *secrets = opened();
    assert_string_equal(webhook_secrets_now(secrets, "TAKEOUT"), "new");
    assert_string_equal(webhook_secrets_now(secrets, "ENKI_REALTY"), "own");
    assert_string_equal(webhook_secrets_now(secrets, "LEXAIA"), "new");
    webhook_secrets_close(secrets);
}

static void
a_signature_is_checked_with_both(void **state)
{
    (void)state;
    unsigned char mac[HMAC_BYTES];
    setenv("T_HOOK", "new", 1);
    setenv("T_HOOK_PREVIOUS", "old", 1);
    struct webhook_secrets *secrets = opened();
    hmac_sha256("old", 3, "body", 4, NULL, 0, mac);
    assert_true(webhook_secrets_signed(secrets, "A", "body", 4, mac));
    assert_false(webhook_secrets_signed(secrets, "A", "bodY", 4, mac));
    hmac_sha256("new", 3, "body", 4, NULL, 0, mac);
    assert_true(webhook_secrets_signed(secrets, "A", "body", 4, mac));
    hmac_sha256("none", 4, "body", 4, NULL, 0, mac);
    assert_false(webhook_secrets_signed(secrets, "A", "body", 4, mac));
    webhook_secrets_close(secrets);
}

static void
a_secret_may_stand_in_a_file(void **state)
{
    (void)state;
    struct error err;
    char path[] = "/tmp/webhook_secrets_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    setenv("T_HOOK_ENKI_FILE", path, 1);

    assert_null(webhook_secrets_open("T_HOOK", &err)); // it is empty
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.text, "T_HOOK_ENKI"));
    assert_int_equal(write(fd, "filed\n", 6), 6);
    close(fd);
    assert_true(matches("ENKI", "filed"));
    setenv("T_HOOK_ENKI", "twice", 1);
    assert_null(webhook_secrets_open("T_HOOK", &err));
    assert_null(strstr(err.text, "twice"));
    unlink(path);
}

static void
companies_have_a_limit(void **state)
{
    (void)state;
    struct error err;
    char name[40];
    for (int i = 0; i <= WEBHOOK_SECRETS_MAX; i++) {
        snprintf(name, sizeof name, "T_HOOK_C%d", i);
        setenv(name, "x", 1);
    }
    assert_null(webhook_secrets_open("T_HOOK", &err));
    assert_non_null(strstr(err.text, "T_HOOK_..."));
    unsetenv("T_HOOK_C0");
    assert_true(matches("C1", "x"));
    for (int i = 0; i <= WEBHOOK_SECRETS_MAX; i++) {
        snprintf(name, sizeof name, "T_HOOK_C%d", i);
        unsetenv(name);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_secret_nothing_fits),
        TEST(the_common_secret_is_for_those_without_their_own),
        TEST(a_shorter_code_stands_for_longer_ones_that_have_none),
        TEST(two_fit_during_a_rotation),
        TEST(on_the_way_back_to_the_common_secret_both_fit),
        TEST(the_newest_one_is_registered),
        TEST(a_signature_is_checked_with_both),
        TEST(a_secret_may_stand_in_a_file),
        TEST(companies_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
