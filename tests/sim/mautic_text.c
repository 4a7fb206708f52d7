#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "harness_json.h"
#include "mautic.h"

static char *
new_text(size_t bytes)
{
    char *text = calloc(1, bytes);
    if (text == NULL)
        abort();
    return text;
}

// Reads one character of valid UTF-8 and moves *p behind it.
static uint32_t
next_character(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : 0;
    uint32_t code = more == 0 ? *s : (uint32_t)(*s & (0x3f >> more));
    for (int i = 1; i <= more && s[i] != '\0'; i++)
        code = code << 6 | (s[i] & 0x3f);
    *p += more + 1;
    return code;
}

static char *
put_escape(char *to, uint32_t code)
{
    if (code >= 0x10000) {
        code -= 0x10000;
        to = put_escape(to, 0xd800 | code >> 10);
        code = 0xdc00 | (code & 0x3ff);
    }
    return to + snprintf(to, 7, "\\u%04x", code);
}

char *
text_php(struct json_object *obj)
{
    // json-c escapes the slash as PHP does; what is not ASCII remains to be escaped.
    const char *plain = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN);
    char *out = new_text(strlen(plain) * 6 + 1);
    char *to = out;
    while (*plain != '\0') {
        if ((unsigned char)*plain < 0x80)
            *to++ = *plain++;
        else
            to = put_escape(to, next_character(&plain));
    }
    *to = '\0';
    return out;
}

void
text_sql_time(int64_t at_ms, char out[SQL_TIME_BYTES])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, SQL_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
}

void
json_add_atom(struct json_object *obj, const char *key, int64_t at_ms)
{
    char text[SQL_TIME_BYTES];
    char atom[SQL_TIME_BYTES + 6];
    text_sql_time(at_ms, text);
    snprintf(atom, sizeof atom, "%.10sT%s+00:00", text, text + 11);
    json_add_str(obj, key, at_ms > 0 ? atom : NULL);
}

void
json_add_sql(struct json_object *obj, const char *key, int64_t at_ms)
{
    char text[SQL_TIME_BYTES];
    text_sql_time(at_ms, text);
    json_add_str(obj, key, at_ms > 0 ? text : NULL);
}

void
json_add_digits(struct json_object *obj, const char *key, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    json_add_str(obj, key, text);
}

struct json_object *
json_php_list(struct json_object *obj)
{
    struct json_object *list = json_object_new_array();
    int64_t next = 0;
    bool is_list = true;
    json_object_object_foreach(obj, key, value)
    {
        int64_t number = -1;
        is_list = is_list && json_number(key, &number) && number == next++;
        json_object_array_add(list, json_object_get(value));
    }
    json_object_put(is_list ? obj : list);
    return is_list ? list : obj;
}

// The letter without its accent, for U+00C0 to U+00FF; '?': it stays as it is.
static const char base_letters[] =
    "aaaaaa?ceeeeiiii?nooooo?ouuuuy??aaaaaa?ceeeeiiii?nooooo?ouuuuy?y";

static const char small_letters[] = "abcdefghijklmnopqrstuvwxyz";

// The letter that counts for MySQL; '?': the character counts as it is.
static char
fold_letter(uint32_t code)
{
    if (code >= 'A' && code <= 'Z')
        return small_letters[code - 'A'];
    if (code >= 0xc0 && code <= 0xff)
        return base_letters[code - 0xc0];
    return '?';
}

char *
text_fold(const char *text)
{
    char *out = new_text(strlen(text) + 1);
    char *to = out;
    while (*text != '\0') {
        const char *start = text;
        char letter = fold_letter(next_character(&text));
        size_t bytes = letter == '?' ? (size_t)(text - start) : 1;
        memcpy(to, letter == '?' ? start : &letter, bytes);
        to += bytes;
    }
    // Blanks at the end do not count when MySQL compares.
    while (to > out && to[-1] == ' ')
        to--;
    *to = '\0';
    return out;
}

static bool
is_ascii(const char *text)
{
    while (*text > 0)
        text++;
    return *text == '\0';
}

bool
text_equal(const char *a, const char *b)
{
    // The usual case is quick, because every contact is compared.
    size_t bytes = strlen(a);
    if (bytes == strlen(b) && strcasecmp(a, b) == 0)
        return true;
    if (bytes > 0 && a[bytes - 1] != ' ' && is_ascii(a) && is_ascii(b)
        && strncasecmp(a, b, bytes) != 0)
        return false;
    char *folded_a = text_fold(a);
    char *folded_b = text_fold(b);
    bool equal = strcmp(folded_a, folded_b) == 0;
    free(folded_a);
    free(folded_b);
    return equal;
}

static bool
like(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++, text++) {
        if (*pattern == '%') {
            for (;; text++) {
                if (like(text, pattern + 1))
                    return true;
                if (*text == '\0')
                    return false;
            }
        }
        if (*text == '\0' || (*pattern != '_' && *pattern != *text))
            return false;
    }
    return *text == '\0';
}

bool
text_like(const char *text, const char *pattern)
{
    char *folded_text = text_fold(text);
    char *folded_pattern = text_fold(pattern);
    bool found = like(folded_text, folded_pattern);
    free(folded_text);
    free(folded_pattern);
    return found;
}

char *
text_without_tags(const char *text)
{
    char *out = new_text(strlen(text) + 1);
    char *to = out;
    while (*text != '\0') {
        const char *end = strchr(text, '>');
        bool tag =
            *text == '<' && end != NULL
            && (isalpha((unsigned char)text[1]) || text[1] == '/' || text[1] == '!');
        if (tag)
            text = end + 1;
        else
            *to++ = *text++;
    }
    return out;
}

size_t
text_characters(const char *text)
{
    size_t count = 0;
    while (*text != '\0') {
        next_character(&text);
        count++;
    }
    return count;
}
