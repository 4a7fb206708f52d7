// What a text that json_scan() has read says at a path.
#include <stdlib.h>
#include <string.h>

#include "common/json_scan.h"
#include "common/str.h"

enum { REPLACEMENT = 0xFFFD }; // for what is no character

// The four digits of an escape, which are known to be some.
static uint32_t
hex_of(const char *at)
{
    const char digits[5] = {at[0], at[1], at[2], at[3]};
    return (uint32_t)strtoul(digits, NULL, 16);
}

static size_t
put_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(unsigned char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(unsigned char)(0xF00 >> length | code);
    return length;
}

// The character an escape stands for, as UTF-8; half a pair is U+FFFD. Returns the
// bytes written, and steps over the escape.
static size_t
decode_escape(const char **at, const char *end, char out[4])
{
    static const char names[] = "bfnrt";
    static const char values[] = "\b\f\n\r\t";
    char c = (*at)[1];
    if (c != 'u') {
        const char *name = strchr(names, c);
        out[0] = c;
        if (name != NULL)
            out[0] = values[name - names];
        *at += 2;
        return 1;
    }
    uint32_t code = hex_of(*at + 2);
    *at += 6;
    if (code < 0xD800 || code > 0xDFFF)
        return put_utf8(code, out);
    bool paired = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u';
    uint32_t low = paired ? hex_of(*at + 2) : 0;
    if (code > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return put_utf8(REPLACEMENT, out);
    *at += 6;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    return put_utf8(code, out);
}

// The text of a string's mark; NULL if it holds a NUL.
static const char *
text_of(struct job *job, const struct json_scan *scan, const struct json_mark *mark)
{
    const char *at = scan->text + mark->start;
    const char *end = at + mark->length;
    if (memchr(at, '\\', mark->length) == NULL)
        return job_memdup(job, at, mark->length);
    char *text = job_alloc(job, mark->length + 1); // never longer than it is written
    size_t length = 0;
    while (at < end) {
        if (*at == '\\')
            length += decode_escape(&at, end, text + length);
        else
            text[length++] = *at++;
        if (text[length - 1] == '\0')
            return NULL;
    }
    text[length] = '\0';
    return text;
}

// Whether the name, which may have escapes, is these bytes.
static bool
is_named(const struct json_scan *scan, const struct json_mark *mark, const char *name,
         size_t length)
{
    const char *at = scan->text + mark->start;
    const char *end = at + mark->length;
    if (memchr(at, '\\', mark->length) == NULL)
        return mark->length == length && memcmp(at, name, length) == 0;
    while (at < end) {
        char bytes[4] = {*at};
        size_t count = 1;
        if (*at == '\\')
            count = decode_escape(&at, end, bytes);
        else
            at++;
        if (count > length || memcmp(bytes, name, count) != 0)
            return false;
        name += count;
        length -= count;
    }
    return length == 0;
}

char
json_scan_kind(const struct json_scan *scan, uint32_t value)
{
    return (char)(value < scan->count ? scan->marks[value].kind : 0);
}

uint32_t
json_scan_first(const struct json_scan *scan, uint32_t value)
{
    char kind = json_scan_kind(scan, value);
    bool filled = (kind == '{' || kind == '[') && scan->marks[value].next > value + 1;
    return filled ? value + 1 : JSON_NONE;
}

uint32_t
json_scan_next(const struct json_scan *scan, uint32_t parent, uint32_t value)
{
    uint32_t next = scan->marks[value].next;
    return next < scan->marks[parent].next ? next : JSON_NONE;
}

static uint32_t
member_of(const struct json_scan *scan, uint32_t object, const char *name,
          size_t length)
{
    uint32_t found = JSON_NONE;
    for (uint32_t at = json_scan_first(scan, object); at != JSON_NONE;) {
        uint32_t value = json_scan_next(scan, object, at);
        if (is_named(scan, &scan->marks[at], name, length))
            found = value;
        at = json_scan_next(scan, object, value);
    }
    return found;
}

static uint32_t
element_of(const struct json_scan *scan, uint32_t array, const char *index,
           size_t length)
{
    char digits[24];
    long long wanted = 0;
    if (length >= sizeof digits)
        return JSON_NONE;
    memcpy(digits, index, length);
    digits[length] = '\0';
    if (!str_to_i64(digits, &wanted) || wanted < 0)
        return JSON_NONE;
    uint32_t at = json_scan_first(scan, array);
    while (at != JSON_NONE && wanted-- > 0)
        at = json_scan_next(scan, array, at);
    return at;
}

uint32_t
json_scan_at(const struct json_scan *scan, uint32_t value, const char *path)
{
    while (true) {
        size_t length = strcspn(path, ".");
        char kind = json_scan_kind(scan, value);
        if (kind == '{')
            value = member_of(scan, value, path, length);
        else if (kind == '[')
            value = element_of(scan, value, path, length);
        else
            return JSON_NONE;
        if (path[length] == '\0')
            return json_scan_kind(scan, value) == 'n' ? JSON_NONE : value;
        path += length + 1;
    }
}

const char *
json_scan_string_or(struct job *job, const struct json_scan *scan, uint32_t value,
                    const char *path, const char *fallback)
{
    uint32_t found = json_scan_at(scan, value, path);
    if (json_scan_kind(scan, found) != '"')
        return fallback;
    const char *text = text_of(job, scan, &scan->marks[found]);
    return text != NULL ? text : fallback;
}

const char *
json_scan_text_or(struct job *job, const struct json_scan *scan, uint32_t value,
                  const char *path, const char *fallback)
{
    uint32_t found = json_scan_at(scan, value, path);
    if (json_scan_kind(scan, found) == '0')
        return text_of(job, scan, &scan->marks[found]);
    return json_scan_string_or(job, scan, value, path, fallback);
}
