// Hashids of single numbers: empty salt, at least ten characters.
#include <stdio.h>
#include <string.h>

#include "invoice_ninja.h"

// What is left of a-zA-Z1234567890 without the separators and the guards.
static const char letters[] = "gjklmnopqrvwxyzABDEGJKLMNOPQRVWXYZ1234567890";
static const char guards[] = "abde";

enum { LETTERS = sizeof letters - 1, GUARDS = sizeof guards - 1, WANTED = 10 };

static void
shuffle(char text[LETTERS], const char *salt, int salt_bytes)
{
    int v = 0;
    int sum = 0;
    for (int i = LETTERS - 1; salt_bytes > 0 && i > 0; i--, v++) {
        v %= salt_bytes;
        int code = (unsigned char)salt[v];
        sum += code;
        int j = (code + v + sum) % i;
        char swapped = text[i];
        text[i] = text[j];
        text[j] = swapped;
    }
}

// The letters as they are ordered for a number whose first letter is `lottery`.
static void
order_letters(char lottery, char out[LETTERS])
{
    char salt[LETTERS];
    salt[0] = lottery;
    memcpy(salt + 1, letters, LETTERS - 1);
    memcpy(out, letters, LETTERS);
    shuffle(out, salt, LETTERS);
}

// Puts half of ever newly shuffled letters on both sides until it is long enough.
static void
pad(char text[], size_t bytes, char order[LETTERS], char out[HASHID_BYTES])
{
    char wide[4 * LETTERS];
    memcpy(wide, text, bytes);
    while (bytes < WANTED) {
        char salt[LETTERS];
        memcpy(salt, order, LETTERS);
        shuffle(order, salt, LETTERS);
        memmove(wide + LETTERS / 2, wide, bytes);
        memcpy(wide, order + LETTERS / 2, LETTERS / 2);
        memcpy(wide + LETTERS / 2 + bytes, order, LETTERS / 2);
        bytes += LETTERS;
    }
    memcpy(out, wide + (bytes - WANTED) / 2, WANTED);
    out[WANTED] = '\0';
}

void
hashid_encode(int64_t id, char out[HASHID_BYTES])
{
    char order[LETTERS];
    char digits[16];
    char text[32];
    int64_t sum = id % 100;
    char lottery = letters[sum % LETTERS];
    size_t bytes = 0;
    size_t count = 0;
    order_letters(lottery, order);
    for (int64_t rest = id; count == 0 || rest > 0; rest /= LETTERS)
        digits[count++] = order[rest % LETTERS];
    text[bytes++] = guards[(sum + (unsigned char)lottery) % GUARDS];
    text[bytes++] = lottery;
    while (count > 0)
        text[bytes++] = digits[--count];
    // The second guard is chosen by the letter behind the lottery.
    text[bytes] = guards[(sum + (unsigned char)text[2]) % GUARDS];
    bytes++;
    pad(text, bytes, order, out);
}

int64_t
hashid_decode(const char *text)
{
    if (text == NULL || strlen(text) != WANTED)
        return 0;
    const char *from = text + strcspn(text, guards);
    if (*from == '\0' || from[1] == '\0')
        return 0;
    char order[LETTERS];
    char check[HASHID_BYTES];
    int64_t id = 0;
    order_letters(from[1], order);
    size_t bytes = strcspn(from + 2, guards);
    for (const char *p = from + 2; p < from + 2 + bytes; p++) {
        const char *found = memchr(order, *p, LETTERS);
        if (found == NULL)
            return 0;
        id = id * LETTERS + (found - order);
    }
    hashid_encode(id, check);
    return strcmp(check, text) == 0 ? id : 0;
}
