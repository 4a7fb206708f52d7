#include "common/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 }; // of SHA-256

// SHA-256 over three pieces, any of which may be empty.
struct piece {
    const void *data;
    size_t length;
};

// To look SHA-256 up costs as much as to use it: a context that knows it is used again.
static EVP_MD_CTX *
sha256_begin(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        abort(); // memory is out, or the library has no SHA-256
    return md;
}

static void
sha256_of(EVP_MD_CTX *md, const struct piece pieces[3], unsigned char out[HMAC_BYTES])
{
    bool done = EVP_DigestInit_ex(md, NULL, NULL) == 1;
    for (int i = 0; done && i < 3; i++)
        if (pieces[i].length > 0)
            done = EVP_DigestUpdate(md, pieces[i].data, pieces[i].length) == 1;
    if (!done || EVP_DigestFinal_ex(md, out, NULL) != 1)
        abort(); // it has none of the reasons it could have
}

void // NOLINTNEXTLINE(readability-function-size): three pieces and their lengths
hmac_sha256(const char *key, size_t key_length, const void *a, size_t a_length,
            const void *b, size_t b_length, unsigned char out[HMAC_BYTES])
{
    // RFC 2104, so that two pieces need not be copied together.
    unsigned char inner[BLOCK_BYTES] = {0};
    unsigned char outer[BLOCK_BYTES];
    unsigned char digest[HMAC_BYTES];
    EVP_MD_CTX *md = sha256_begin();

    if (key_length > BLOCK_BYTES)
        sha256_of(md, (struct piece[3]){{key, key_length}}, inner);
    else if (key_length > 0)
        memcpy(inner, key, key_length);
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        outer[i] = inner[i] ^ 0x5C;
        inner[i] ^= 0x36;
    }
    sha256_of(md,
              (struct piece[3]){{inner, sizeof inner}, {a, a_length}, {b, b_length}},
              digest);
    sha256_of(md, (struct piece[3]){{outer, sizeof outer}, {digest, sizeof digest}},
              out);
    EVP_MD_CTX_free(md);
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
}

void
hmac_digest(const void *data, size_t length, char hex[HMAC_HEX])
{
    unsigned char digest[HMAC_BYTES];
    EVP_MD_CTX *md = sha256_begin();
    sha256_of(md, (struct piece[3]){{data, length}}, digest);
    EVP_MD_CTX_free(md);
    hmac_hex(digest, sizeof digest, hex);
}

void
hmac_hex(const unsigned char *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

bool
hmac_same(const char *given, const char *expected)
{
    size_t given_length = strlen(given);
    size_t expected_length = strlen(expected);
    unsigned char differs = given_length != expected_length;
    // Past its end the expected text is compared with its NUL, so that the time tells
    // nothing about it.
    for (size_t i = 0; i < given_length; i++) {
        size_t at = i < expected_length ? i : expected_length;
        differs |= (unsigned char)(given[i] ^ expected[at]);
    }
    return differs == 0;
}

static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

long
hmac_base64(const char *text, size_t length, unsigned char *out, size_t size)
{
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - padding - 1] == '=')
        padding++;
    if (padding > 0 && length % 4 != 0)
        return -1;
    length -= padding;
    if (length % 4 == 1)
        return -1; // six bits are no byte

    size_t bytes = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (unsigned)value;
        if (i % 4 == 0)
            continue;
        if (bytes == size)
            return -1;
        out[bytes++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    return (long)bytes;
}
