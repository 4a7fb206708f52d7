// The text is walked once, by its characters, not parsed: what is cut, or is no JSON
// after all, must not show its secrets either.
#include "common/redact.h"

#include <string.h>
#include <strings.h>

#include "common/uuid.h"

#define HIDDEN "***"

// Who holds a signing link can sign, and who holds the key of an invitation sees its
// invoice: they are secrets like a password.
static const char *const secret_parts[] = {
    "embed_src",     "embed_url", "slug",   "token",       "api_key", "apikey",
    "authorization", "password",  "secret", "contact_key", NULL,
};
static const char secret_name[] = "key";

struct walk {
    struct str *out;
    const char *start, *at, *end;
    const char *const *secrets;
    bool json;
};

static bool
contains(const char *text, size_t length, const char *part)
{
    size_t part_length = strlen(part);
    for (; length >= part_length; text++, length--)
        if (strncasecmp(text, part, part_length) == 0)
            return true;
    return false;
}

bool
redact_is_secret(const char *name, size_t length)
{
    for (size_t i = 0; secret_parts[i] != NULL; i++)
        if (contains(name, length, secret_parts[i]))
            return true;
    return length == strlen(secret_name) && strncasecmp(name, secret_name, length) == 0;
}

static bool
is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("_-.%[]", c) != NULL);
}

static bool
is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static const char *
skip(const char *at, const char *end, const char *set)
{
    while (at < end && is_one_of(*at, set))
        at++;
    return at;
}

static const char *
skip_until(const char *at, const char *end, const char *set)
{
    while (at < end && !is_one_of(*at, set))
        at++;
    return at;
}

// What stands before a colon or an equals sign: a name, and the quote around it, which
// is escaped where JSON stands in a string of JSON.
struct name {
    const char *text, *quote;
    size_t length, quote_length;
};

static struct name
name_before(const struct walk *walk)
{
    struct name name = {0};
    const char *at = walk->at;
    while (at > walk->start && is_one_of(at[-1], " \t\n"))
        at--;
    const char *end = at;
    if (at > walk->start && at[-1] == '"')
        at--;
    while (at < end && at > walk->start && at[-1] == '\\')
        at--;
    name.quote = at;
    name.quote_length = (size_t)(end - at);
    end = at;
    while (at > walk->start && is_name(at[-1]))
        at--;
    name.text = at;
    name.length = (size_t)(end - at);
    return name;
}

// The end of a value that begins with a quote, perhaps an escaped one. A quote that is
// escaped less belongs to the string around it.
static const char *
quoted_end(const char *at, const char *end)
{
    size_t escapes = (size_t)(skip(at, end, "\\") - at);
    for (const char *c = at + escapes + 1; c < end; c++) {
        const char *first = c;
        c = skip(c, end, "\\");
        size_t count = (size_t)(c - first);
        if (c < end && *c == '"'
            && (count < escapes || (count - escapes) % (2 * (escapes + 1)) == 0))
            return first;
    }
    return end;
}

// The end of an object or array: strings in it may hold brackets.
static const char *
nested_end(const char *at, const char *end)
{
    int depth = 0;
    for (; at < end; at++) {
        const char *quote = skip(at, end, "\\");
        if (quote < end && *quote == '"') {
            const char *close = quoted_end(at, end);
            if (close == end)
                return end;
            at = close + (quote - at);
        }
        depth += is_one_of(*at, "[{") - is_one_of(*at, "]}");
        if (depth == 0)
            return at + 1;
    }
    return end;
}

static bool
is_uuid(const char *value, const char *end)
{
    char text[UUID_TEXT];
    if (end - value != UUID_TEXT - 1)
        return false;
    memcpy(text, value, UUID_TEXT - 1);
    text[UUID_TEXT - 1] = '\0';
    return uuid_is(text);
}

static bool
hide_quoted(struct walk *walk, const struct name *name, const char *value)
{
    const char *inside = skip(value, walk->end, "\\") + 1;
    const char *after = quoted_end(value, walk->end);
    // A bare quote behind a bare word of JSON ends the string that the word is in.
    if (walk->json && name->quote_length == 0 && *value == '"')
        return false;
    // "key" is also what Directus calls the id of an item.
    if (name->length == strlen(secret_name) && is_uuid(inside, after))
        return false;
    str_append(walk->out, walk->at, (size_t)(inside - walk->at));
    str_puts(walk->out, HIDDEN);
    walk->at = after;
    return true;
}

// A number, an object or an array behind a quoted name; else text to the end of its
// word or line.
static bool
hide_bare(struct walk *walk, const struct name *name, const char *value)
{
    static const char line_ends[] = ",}]\"'<>\n\\";
    static const char word_ends[] = " &,;}]\"'<>\n\\";
    const char *end = walk->end;
    bool nested = name->quote_length > 0 && is_one_of(*value, "[{");
    if (name->quote_length > 0 && end - value >= 4 && memcmp(value, "null", 4) == 0)
        return false;
    value = skip(value, end, "'");
    str_append(walk->out, walk->at, (size_t)(value - walk->at));
    str_append(walk->out, name->quote, name->quote_length);
    str_puts(walk->out, HIDDEN);
    str_append(walk->out, name->quote, name->quote_length);
    bool colon = *walk->at == ':';
    walk->at = nested ? nested_end(value, end)
                      : skip_until(value, end, colon ? line_ends : word_ends);
    return true;
}

// Behind the name of a secret: what follows is its value.
static bool
hide_value(struct walk *walk)
{
    if (*walk->at != ':' && *walk->at != '=')
        return false;
    const struct name name = name_before(walk);
    if (!redact_is_secret(name.text, name.length))
        return false;
    const char *value = skip(walk->at + 1, walk->end, " \t\n");
    const char *quote = skip(value, walk->end, "\\");
    if (value == walk->end)
        return false;
    if (quote < walk->end && *quote == '"')
        return hide_quoted(walk, &name, value);
    return hide_bare(walk, &name, value);
}

// "://" in front of us, or ":\/\/" as PHP writes it.
static size_t
link_length(const struct walk *walk)
{
    static const char *const forms[] = {"://", ":\\/\\/", NULL};
    for (size_t i = 0; forms[i] != NULL; i++) {
        size_t length = strlen(forms[i]);
        if ((size_t)(walk->end - walk->at) >= length
            && memcmp(walk->at, forms[i], length) == 0)
            return length;
    }
    return 0;
}

// Of a URL the host is shown, unless a password may stand before it.
static bool
hide_link(struct walk *walk)
{
    size_t length = link_length(walk);
    if (length == 0)
        return false;
    const char *host = walk->at + length;
    const char *path = skip_until(host, walk->end, " \t\n\"'<>)]},;/?#\\");
    const char *after = path;
    while (after < walk->end && !is_one_of(*after, " \t\n\"'<>")
           && (*after != '\\' || (after + 1 < walk->end && after[1] == '/')))
        after++;
    if (memchr(host, '@', (size_t)(after - host)) != NULL)
        path = host;
    str_append(walk->out, walk->at, (size_t)(path - walk->at));
    if (after > path)
        str_puts(walk->out, path > host ? "/" HIDDEN : HIDDEN);
    walk->at = after;
    return true;
}

static bool
hide_known(struct walk *walk)
{
    for (size_t i = 0; walk->secrets != NULL && walk->secrets[i] != NULL; i++) {
        size_t length = strlen(walk->secrets[i]);
        if ((size_t)(walk->end - walk->at) < length
            || memcmp(walk->at, walk->secrets[i], length) != 0)
            continue;
        str_puts(walk->out, HIDDEN);
        walk->at += length;
        return true;
    }
    return false;
}

void
redact_text(struct str *out, const char *text, size_t length,
            const char *const secrets[])
{
    struct walk walk = {.out = out,
                        .start = text,
                        .at = text,
                        .end = text + length,
                        .secrets = secrets,
                        .json = length > 0 && is_one_of(*text, "{[\"")};
    while (walk.at < walk.end && !out->failed) {
        if (hide_known(&walk) || hide_link(&walk) || hide_value(&walk))
            continue;
        size_t bytes = str_utf8_length(walk.at, (size_t)(walk.end - walk.at));
        bytes = bytes == 0 ? 1 : bytes;
        str_append(out, walk.at, bytes);
        walk.at += bytes;
    }
}
