#include "common/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

enum {
    FIRST_MARKS = 128,
    NUMBER_CHARS = 63,
};

struct reader {
    struct job *job;
    const char *begin, *at, *end;
    struct json_mark *marks;
    uint32_t count, room;
    uint32_t open[JSON_DEPTH]; // marks of the containers we are in
    int depth;
    const char *problem;
};

static bool
fails(struct reader *r, const char *problem)
{
    r->problem = problem;
    return false;
}

static void
skip_space(struct reader *r)
{
    while (r->at < r->end
           && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static struct json_mark *
add_mark(struct reader *r, char kind)
{
    if (r->count == r->room) {
        uint32_t room = r->room == 0 ? FIRST_MARKS : 2 * r->room;
        struct json_mark *larger = job_alloc(r->job, room * sizeof *larger);
        if (r->count > 0)
            memcpy(larger, r->marks, r->count * sizeof *larger);
        r->marks = larger;
        r->room = room;
    }
    struct json_mark *mark = &r->marks[r->count++];
    *mark = (struct json_mark){
        .start = (uint32_t)(r->at - r->begin), .next = r->count, .kind = kind};
    return mark;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The four digits of \uXXXX, or -1.
static int32_t
read_hex(const char *at, const char *end)
{
    int32_t code = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(at[i]);
        if (value < 0)
            return -1;
        code = code * 16 + value;
    }
    return code;
}

// At a backslash within a string: steps over the escape.
static bool
skip_escape(struct reader *r)
{
    if (r->end - r->at < 2)
        return fails(r, "it ends too early");
    char c = r->at[1];
    if (c == 'u') {
        if (read_hex(r->at + 2, r->end) < 0)
            return fails(r, "no four digits behind \\u");
        r->at += 6;
        return true;
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fails(r, "an unknown escape in a string");
    r->at += 2;
    return true;
}

static bool
read_string(struct reader *r)
{
    r->at++;
    struct json_mark *mark = add_mark(r, '"');
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return fails(r, "a control character in a string");
        if (*r->at != '\\')
            r->at++;
        else if (!skip_escape(r))
            return false;
    }
    if (r->at == r->end)
        return fails(r, "it ends too early");
    mark->length = (uint32_t)(r->at - r->begin) - mark->start;
    r->at++;
    return true;
}

static bool
skip_digits(struct reader *r)
{
    const char *before = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > before;
}

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
static bool
skip_number(struct reader *r, bool *whole)
{
    *whole = true;
    if (*r->at == '-')
        r->at++;
    const char *first = r->at;
    if (!skip_digits(r) || (*first == '0' && r->at - first > 1))
        return false;
    if (r->at < r->end && *r->at == '.') {
        *whole = false;
        r->at++;
        if (!skip_digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        *whole = false;
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        return skip_digits(r);
    }
    return true;
}

static bool
read_number(struct reader *r)
{
    char text[NUMBER_CHARS + 1];
    bool whole = true;
    long long value = 0;
    struct json_mark *mark = add_mark(r, '0');
    if (!skip_number(r, &whole))
        return fails(r, "no valid number");
    mark->length = (uint32_t)(r->at - r->begin) - mark->start;
    if (mark->length > NUMBER_CHARS)
        return fails(r, "a number is too long");
    memcpy(text, r->begin + mark->start, mark->length);
    text[mark->length] = '\0';
    bool fits = whole ? str_to_i64(text, &value) : isfinite(strtod(text, NULL));
    return fits || fails(r, "a number is out of range");
}

static bool
read_word(struct reader *r, const char *word)
{
    size_t length = strlen(word);
    struct json_mark *mark = add_mark(r, *word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return fails(r, "neither a value nor a name in double quotes");
    mark->length = (uint32_t)length;
    r->at += length;
    return true;
}

static bool
open_container(struct reader *r)
{
    r->open[r->depth++] = r->count;
    add_mark(r, *r->at);
    r->at++;
    return true;
}

static void
close_container(struct reader *r)
{
    struct json_mark *mark = &r->marks[r->open[--r->depth]];
    r->at++;
    mark->length = (uint32_t)(r->at - r->begin) - mark->start;
    mark->next = r->count;
}

// One value, of a container only its beginning.
static bool
read_value(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return fails(r, "it ends too early");
    if (r->depth == JSON_DEPTH)
        return fails(r, "it is nested too deep");
    switch (*r->at) {
    case '{':
    case '[':
        return open_container(r);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        return read_word(r, "null");
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return read_number(r);
        return fails(r, "neither a value nor a name in double quotes");
    }
}

// A member's name and its colon.
static bool
read_name(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end || *r->at != '"')
        return fails(r, "a member without a name in double quotes");
    if (!read_string(r))
        return false;
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return fails(r, "no colon behind a member's name");
    r->at++;
    return true;
}

static char
opener(const struct reader *r)
{
    return r->marks[r->open[r->depth - 1]].kind;
}

// What stands behind a value or an opening bracket: closes containers that end here.
// *more: another element or member follows.
static bool
read_between(struct reader *r, bool *more)
{
    for (bool opened = r->at > r->begin && (r->at[-1] == '{' || r->at[-1] == '[');
         r->depth > 0; opened = false) {
        skip_space(r);
        if (r->at == r->end)
            return fails(r, "it ends too early");
        if (*r->at == (opener(r) == '{' ? '}' : ']')) {
            close_container(r);
            continue;
        }
        if (!opened && *r->at != ',')
            return fails(r, "no comma between two values");
        r->at += !opened;
        *more = true;
        return true;
    }
    *more = false;
    return true;
}

static bool
read_all(struct reader *r)
{
    bool more = true;
    while (more) {
        if (r->depth > 0 && opener(r) == '{' && !read_name(r))
            return false;
        if (!read_value(r) || !read_between(r, &more))
            return false;
    }
    skip_space(r);
    return r->at == r->end || fails(r, "something follows the value");
}

bool
json_scan(struct job *job, const void *text, size_t length, struct json_scan *scan)
{
    struct reader r = {
        .job = job, .begin = text, .at = text, .end = (const char *)text + length};
    size_t valid = str_text_length(text, length);
    bool done = false;
    if (length > INT32_MAX) {
        r.problem = "it is too long";
    } else if (valid < length) {
        r.at += valid;
        r.problem = "a byte that is no UTF-8 text";
    } else {
        done = read_all(&r);
    }
    if (done && r.marks[JSON_ROOT].kind == 'n')
        done = fails(&r, "it is null");
    if (!done)
        return error_permanent(&job->error, "no valid JSON: %s at byte %zu", r.problem,
                               (size_t)(r.at - r.begin));
    *scan = (struct json_scan){.text = text, .marks = r.marks, .count = r.count};
    return true;
}
