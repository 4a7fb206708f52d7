#include "workers/cli/company_name.h"

#include <ctype.h>
#include <string.h>

enum { NAME_BYTES = 256 };

static bool
is_legal_form(const char *word)
{
    static const char *const forms[] = {"sa",  "ag",  "sàrl", "sarl", "gmbh",
                                        "ltd", "llc", "inc",  "sas",  NULL};
    for (size_t i = 0; forms[i] != NULL; i++)
        if (strcmp(forms[i], word) == 0)
            return true;
    return false;
}

static bool
is_letter(unsigned char c)
{
    return isalnum(c) || c >= 0x80;
}

// A byte of UTF-8, in small letters as far as A to Z and À to Þ go.
static unsigned char
lower(unsigned char before, unsigned char c)
{
    if (before == 0xC3 && c >= 0x80 && c <= 0x9E)
        return c | 0x20;
    return c < 0x80 ? (unsigned char)tolower(c) : c;
}

// The next word in small letters; dots within it are left out ("S.A."). False: there is
// none.
static bool
next_word(const char **at, char word[NAME_BYTES])
{
    size_t length = 0;
    unsigned char before = 0;
    while (**at != '\0' && !is_letter((unsigned char)**at))
        ++*at;
    while (is_letter((unsigned char)**at) || **at == '.') {
        unsigned char c = (unsigned char)*(*at)++;
        if (c != '.' && length < NAME_BYTES - 1)
            word[length++] = (char)lower(before, c);
        before = c;
    }
    word[length] = '\0';
    return length > 0;
}

// What is left of a name that is compared: its words but the legal form, in one.
static void
essence(const char *name, char out[NAME_BYTES])
{
    char word[NAME_BYTES];
    size_t length = 0;
    while (next_word(&name, word)) {
        size_t size = strlen(word);
        if ((length > 0 && is_legal_form(word)) || length + size >= NAME_BYTES)
            continue;
        memcpy(out + length, word, size);
        length += size;
    }
    out[length] = '\0';
}

bool
company_name_same(const char *a, const char *b)
{
    char left[NAME_BYTES];
    char right[NAME_BYTES];
    essence(a, left);
    essence(b, right);
    return left[0] != '\0' && strcmp(left, right) == 0;
}
