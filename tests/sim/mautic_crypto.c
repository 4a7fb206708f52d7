#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mautic.h"

void
crypto_signature(const char *secret, const char *body, char out[45])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body,
         strlen(body), digest, &bytes);
    EVP_EncodeBlock((unsigned char *)out, digest, (int)bytes);
}

void
crypto_hex(const char *text, char *out, size_t room)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), digest);
    for (size_t i = 0; i < sizeof digest && 2 * i + 2 < room; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

char *
crypto_base64_text(const char *base64)
{
    size_t bytes = strlen(base64);
    if (bytes == 0 || bytes % 4 != 0 || bytes > 4096)
        return NULL;
    char *out = calloc(1, bytes + 1);
    if (out == NULL)
        abort();
    if (EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)base64, (int)bytes)
        >= 0)
        return out;
    free(out);
    return NULL;
}
