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

// The next word in small letters; dots within it are left out ("S.A."). False: there is
// none.
static bool
next_word(const char **at, char word[NAME_BYTES])
{
    size_t length = 0;
    unsigned char before = 0;
    for (; **at != '\0'; ++*at) {
        unsigned char c = (unsigned char)**at;
        bool letter = isalnum(c) || c >= 0x80;
        if (!letter && c != '.' && length > 0)
            break;
        if (!letter || length == NAME_BYTES - 1)
            continue;
        if (before == 0xC3 && c >= 0x80 && c <= 0x9E)
            c |= 0x20; // À to Þ in UTF-8
        word[length++] = (char)(c < 0x80 ? tolower(c) : c);
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
