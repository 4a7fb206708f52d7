#include "common/hmac.h"

#include <string.h>

#include "tests/harness/test.h"

static void
signatures_match_the_vectors_of_rfc_4231(void **state)
{
    (void)state;
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    char key[131];

    hmac_sha256("Jefe", 4, "what do ya want ", 16, "for nothing?", 12, mac);
    hmac_hex(mac, sizeof mac, hex);
    assert_string_equal(
        hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");

    memset(key, 0xAA, sizeof key); // longer than a block
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    hmac_sha256(key, sizeof key, text, strlen(text), NULL, 0, mac);
    hmac_hex(mac, sizeof mac, hex);
    assert_string_equal(
        hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
digests_match_the_vectors_of_fips_180(void **state)
{
    (void)state;
    char hex[HMAC_HEX];
    hmac_digest("", 0, hex);
    assert_string_equal(
        hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hmac_digest("abc", 3, hex);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
only_equal_texts_are_the_same(void **state)
{
    (void)state;
    assert_true(hmac_same("secret", "secret"));
    assert_false(hmac_same("secreT", "secret"));
    assert_false(hmac_same("secre", "secret"));
    assert_false(hmac_same("secret1", "secret"));
    assert_false(hmac_same("", "secret"));
    assert_false(hmac_same("s", ""));
    assert_true(hmac_same("", ""));
}

static void
base64_is_decoded_in_both_alphabets(void **state)
{
    (void)state;
    unsigned char out[16];
    assert_int_equal(hmac_base64("Zm9vYmE=", 8, out, sizeof out), 5);
    assert_memory_equal(out, "fooba", 5);
    assert_int_equal(hmac_base64("Zm9vYmE", 7, out, sizeof out), 5);
    assert_memory_equal(out, "fooba", 5);
    assert_int_equal(hmac_base64("Zg==", 4, out, sizeof out), 1);
    assert_int_equal(out[0], 'f');
    assert_int_equal(hmac_base64("-_-_", 4, out, sizeof out), 3);
    assert_memory_equal(out, "\xFB\xFF\xBF", 3);
    assert_int_equal(hmac_base64("+/+/", 4, out, sizeof out), 3);
    assert_memory_equal(out, "\xFB\xFF\xBF", 3);
    assert_int_equal(hmac_base64("", 0, out, sizeof out), 0);
}

static void
what_is_no_base64_is_refused(void **state)
{
    (void)state;
    unsigned char out[4];
    assert_int_equal(hmac_base64("Zm9vYmE=", 8, out, sizeof out), -1); // no room
    assert_int_equal(hmac_base64("Z", 1, out, sizeof out), -1);
    assert_int_equal(hmac_base64("Zg=", 3, out, sizeof out), -1);
    assert_int_equal(hmac_base64("Z===", 4, out, sizeof out), -1);
    assert_int_equal(hmac_base64("Zm 9", 4, out, sizeof out), -1);
    assert_int_equal(hmac_base64("Zg==Zg==", 8, out, sizeof out), -1);
    assert_int_equal(hmac_base64("=", 1, out, sizeof out), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_match_the_vectors_of_rfc_4231),
        cmocka_unit_test(digests_match_the_vectors_of_fips_180),
        cmocka_unit_test(only_equal_texts_are_the_same),
        cmocka_unit_test(base64_is_decoded_in_both_alphabets),
        cmocka_unit_test(what_is_no_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
