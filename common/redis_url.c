#include "common/redis_url.h"

#include <string.h>

#include "common/str.h"

static bool
wrong(struct error *err)
{
    return error_permanent(err, "REDIS_URL must be redis://[user:password@]host[:port]"
                                "[/database number]");
}

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

// Copies length bytes without their percent-encoding.
static bool
decode(const char *text, size_t length, char out[REDIS_URL_PART])
{
    size_t to = 0;
    for (size_t i = 0; i < length; i++) {
        if (to == REDIS_URL_PART - 1)
            return false;
        out[to++] = text[i];
        if (text[i] != '%')
            continue;
        int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        out[to - 1] = (char)(high * 16 + low);
        i += 2;
    }
    out[to] = '\0';
    return true;
}

static bool
read_login(const char *text, size_t length, struct redis_url *url)
{
    const char *colon = memchr(text, ':', length);
    if (colon == NULL)
        return false;
    size_t user = (size_t)(colon - text);
    return decode(text, user, url->user)
           && decode(colon + 1, length - user - 1, url->password);
}

static bool
read_port(const char *text, int *port)
{
    long long number;
    if (text[0] == '\0')
        return true;
    if (text[0] != ':' || !str_to_i64(text + 1, &number) || number < 1
        || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

// host, [host], host:port, [host]:port
static bool
read_place(const char *text, struct redis_url *url)
{
    bool bracket = text[0] == '[';
    size_t length = strcspn(text, bracket ? "]" : ":");
    if (bracket && text[length] != ']')
        return false;
    size_t first = bracket ? 1 : 0;
    if (length <= first || length - first >= REDIS_URL_PART)
        return false;
    str_copy(url->host, length - first + 1, text + first);
    return read_port(text + length + first, &url->port);
}

bool
redis_url_read(const char *text, struct redis_url *url, struct error *err)
{
    static const char scheme[] = "redis://";
    char place[2 * REDIS_URL_PART];
    long long number;

    *url = (struct redis_url){.port = 6379};
    if (!str_starts(text, scheme))
        return wrong(err);
    text += strlen(scheme);
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    const char *at = memrchr(text, '@', length);
    if (at != NULL && !read_login(text, (size_t)(at - text), url))
        return wrong(err);
    if (at != NULL) {
        length -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    if (length >= sizeof place)
        return wrong(err);
    str_copy(place, length + 1, text);
    if (!read_place(place, url))
        return wrong(err);
    if (slash == NULL || slash[1] == '\0')
        return true;
    return (str_to_i64(slash + 1, &number) && number >= 0
            && str_copy(url->database, sizeof url->database, slash + 1))
           || wrong(err);
}
