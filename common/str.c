#include "common/str.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

void
str_begin(struct str *s, size_t max)
{
    size_t room = max < FIRST_ROOM ? max + 1 : FIRST_ROOM;
    *s = (struct str){.data = str_alloc(room), .room = room, .max = max};
    s->data[0] = '\0';
}

void
str_end(struct str *s)
{
    free(s->data);
    *s = (struct str){0};
}

// Makes room for `more` bytes and the NUL. False, and failed, past the maximum.
static bool
str_reserve(struct str *s, size_t more)
{
    if (s->failed || more > s->max - s->length) {
        s->failed = true;
        return false;
    }
    size_t wanted = s->length + more + 1;
    if (wanted <= s->room)
        return true;
    size_t room = s->room;
    while (room < wanted)
        room = room > SIZE_MAX / 2 ? wanted : room * 2;
    s->data = str_realloc(s->data, room);
    s->room = room;
    return true;
}

void
str_append(struct str *s, const void *data, size_t length)
{
    if (length == 0 || !str_reserve(s, length))
        return;
    memcpy(s->data + s->length, data, length);
    s->length += length;
    s->data[s->length] = '\0';
}

void
str_puts(struct str *s, const char *text)
{
    str_append(s, text, strlen(text));
}

void
str_printf(struct str *s, const char *fmt, ...)
{
    va_list args;
    if (s->failed)
        return;
    // Most of the time there is room for it.
    size_t left = s->max - s->length + 1;
    size_t room = s->room - s->length < left ? s->room - s->length : left;
    va_start(args, fmt);
    int length = vsnprintf(s->data + s->length, room, fmt, args);
    va_end(args);
    if (length >= 0 && (size_t)length < room) {
        s->length += (size_t)length;
        return;
    }
    s->data[s->length] = '\0';
    s->failed = length < 0;
    if (!str_reserve(s, length < 0 ? 0 : (size_t)length))
        return;
    va_start(args, fmt);
    vsnprintf(s->data + s->length, (size_t)length + 1, fmt, args);
    va_end(args);
    s->length += (size_t)length;
}

size_t
str_fit(const char *text, size_t length, size_t max)
{
    if (length <= max)
        return length;
    // Steps back over continuation bytes, at most to the start of one character.
    size_t end = max;
    while (end > 0 && max - end < 4 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;
    return ((unsigned char)text[end] & 0xC0) == 0x80 ? max : end;
}

bool
str_copy(char *out, size_t size, const char *text)
{
    if (size == 0)
        return false;
    size_t length = strlen(text);
    size_t fits = str_fit(text, length, size - 1);
    memmove(out, text, fits);
    out[fits] = '\0';
    return fits == length;
}

bool
str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);
    return tail <= length && memcmp(text + length - tail, suffix, tail) == 0;
}

size_t
str_utf8_length(const void *data, size_t length)
{
    // The second byte's range depends on the first: that excludes overlong forms,
    // surrogates and what lies beyond U+10FFFF.
    static const struct {
        unsigned char first, last, low, high, length;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    const unsigned char *bytes = data;
    size_t form = 0;
    size_t forms_count = sizeof forms / sizeof forms[0];

    if (length == 0)
        return 0;
    while (form < forms_count
           && (bytes[0] < forms[form].first || bytes[0] > forms[form].last))
        form++;
    if (form == forms_count || forms[form].length > length)
        return 0;
    if (forms[form].length > 1
        && (bytes[1] < forms[form].low || bytes[1] > forms[form].high))
        return 0;
    for (size_t i = 2; i < forms[form].length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return forms[form].length;
}

enum { PLAIN_BYTES = 8 };

// Whether so many bytes are ASCII and none is NUL.
static bool
all_plain(const unsigned char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word = 0;
    memcpy(&word, bytes, PLAIN_BYTES);
    // A byte's high bit is set by itself, or by what is taken from a NUL.
    return ((word | (word - ones)) & (ones << 7)) == 0;
}

size_t
str_text_length(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    size_t at = 0;
    while (at < length) {
        if (length - at >= PLAIN_BYTES && all_plain(bytes + at)) {
            at += PLAIN_BYTES; // most are
            continue;
        }
        size_t step = str_utf8_length(bytes + at, length - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

bool
str_is_text(const void *data, size_t length)
{
    return str_text_length(data, length) == length;
}

void
str_clean(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t step = str_utf8_length(text, left);
        unsigned char first = (unsigned char)*text;
        if (step == 0)
            *text = '?';
        else if (first < 0x20 || first == 0x7F)
            *text = ' ';
        step = step == 0 ? 1 : step;
        text += step;
        left -= step;
    }
}

bool
str_to_i64(const char *text, long long *value)
{
    if (text == NULL)
        return false;
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *value = number;
    return true;
}

void *
str_alloc(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL)
        abort();
    return memory;
}

void *
str_calloc(size_t count, size_t bytes)
{
    void *memory = calloc(count > 0 ? count : 1, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        abort();
    return memory;
}

void *
str_realloc(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        abort();
    return memory;
}

char *
str_dup(const char *text)
{
    return str_ndup(text, strlen(text));
}

char *
str_ndup(const char *text, size_t length)
{
    char *copy = str_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
