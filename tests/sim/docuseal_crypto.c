#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docuseal.h"

void
crypto_hex_hmac(const char *key, const char *text, size_t bytes, char out[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, bytes,
         digest, &length);
    for (unsigned int i = 0; i < 32; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

void
crypto_signature(const char *secret, int64_t at_s, const char *body, char *out,
                 size_t room)
{
    char *signed_text = NULL;
    int bytes = asprintf(&signed_text, "%" PRId64 ".%s", at_s, body);
    if (bytes < 0)
        abort();
    char hex[65];
    crypto_hex_hmac(secret, signed_text, (size_t)bytes, hex);
    snprintf(out, room, "%" PRId64 ".%s", at_s, hex);
    free(signed_text);
}

void
crypto_slug(const char *text, char out[15])
{
    static const char alphabet[] =
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), digest);
    for (int i = 0; i < 14; i++)
        out[i] = alphabet[digest[i] % (sizeof alphabet - 1)];
    out[14] = '\0';
}

void
crypto_uuid(const char *text, char out[37])
{
    unsigned char d[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), d);
    d[6] = (unsigned char)((d[6] & 0x0f) | 0x40);
    d[8] = (unsigned char)((d[8] & 0x3f) | 0x80);
    snprintf(out, 37,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11],
             d[12], d[13], d[14], d[15]);
}
