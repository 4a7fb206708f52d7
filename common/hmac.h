// common/hmac.h - signatures and digests (OpenSSL).
#ifndef RELAIS_HMAC_H
#define RELAIS_HMAC_H

#include <stdbool.h>
#include <stddef.h>

enum { HMAC_BYTES = 32, HMAC_HEX = 65 };

// HMAC-SHA256 of a followed by b (b may be NULL with length 0).
void hmac_sha256(const char *key, size_t key_length, const void *a, size_t a_length,
                 const void *b, size_t b_length, unsigned char out[HMAC_BYTES]);

// SHA-256 of the bytes as 64 lower-case hex digits and NUL.
void hmac_digest(const void *data, size_t length, char hex[HMAC_HEX]);

// Lower-case hex of bytes; out has 2 * length + 1 bytes.
void hmac_hex(const unsigned char *bytes, size_t length, char *out);

// Compares two NUL-terminated strings in a time that depends on the length of `given`
// only.
bool hmac_same(const char *given, const char *expected);

// Decodes base64 (standard or URL alphabet, padding optional). Returns the number of
// bytes, or -1 if it is not base64 or out is too small.
long hmac_base64(const char *text, size_t length, unsigned char *out, size_t size);

#endif
