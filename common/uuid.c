#include "common/uuid.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/hmac.h"

enum { UUID_BYTES = 16, SHA1_BYTES = 20 };

// Relais's own name space. It never changes: every id made so far hangs on it.
static const unsigned char name_space[UUID_BYTES] = {
    0x6f, 0x1d, 0x9c, 0x52, 0x3b, 0xe4, 0x4a, 0x07,
    0x8e, 0x21, 0xc7, 0x50, 0x94, 0xd8, 0x1f, 0xa3,
};

// Sets version and variant, and writes the usual form.
static void
write_text(unsigned char bytes[UUID_BYTES], unsigned version, char out[UUID_TEXT])
{
    static const unsigned char ends[] = {4, 6, 8, 10, 16};
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    size_t from = 0;
    for (size_t group = 0; group < sizeof ends; group++) {
        size_t length = ends[group] - from;
        hmac_hex(bytes + from, length, out);
        out += 2 * length;
        *out++ = '-';
        from = ends[group];
    }
    out[-1] = '\0';
}

void
uuid_of(const char *const parts[], char out[UUID_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool done = md != NULL && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1
                && EVP_DigestUpdate(md, name_space, sizeof name_space) == 1;
    for (size_t i = 0; done && parts[i] != NULL; i++) {
        if (i > 0)
            done = EVP_DigestUpdate(md, "\n", 1) == 1;
        done = done && EVP_DigestUpdate(md, parts[i], strlen(parts[i])) == 1;
    }
    if (!done || EVP_DigestFinal_ex(md, digest, NULL) != 1)
        abort(); // memory is out, or the library has no SHA-1
    EVP_MD_CTX_free(md);
    write_text(digest, 5, out);
}

void
uuid_random(char out[UUID_TEXT])
{
    unsigned char bytes[UUID_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort(); // cannot happen below 256 bytes once the kernel has started
    write_text(bytes, 4, out);
}

bool
uuid_is(const char *text)
{
    if (text == NULL || strlen(text) != UUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : strchr("0123456789abcdefABCDEF", text[i]) == NULL)
            return false;
    }
    return true;
}
