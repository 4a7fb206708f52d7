#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/http.h"
#include "common/str.h"

enum {
    ONE_DAY_MS = 24 * 60 * 60 * 1000,
    MAX_PATH_BYTES = 64 * 1024,
    ESCAPED = 3, // bytes that one byte may become
};

static void
escape(struct str *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr(plain, *c) != NULL) {
            str_append(out, c, 1);
            continue;
        }
        unsigned char byte = (unsigned char)*c;
        char code[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        str_append(out, code, sizeof code);
    }
}

static const char *
keep(struct job *job, struct str *s)
{
    const char *text = job_memdup(job, s->data, s->length);
    str_end(s);
    return text;
}

const char *
http_escape(struct job *job, const char *text)
{
    struct str out;
    str_begin(&out, ESCAPED * strlen(text) + 1);
    escape(&out, text);
    return keep(job, &out);
}

const char *
http_basic(struct job *job, const char *user, const char *password)
{
    const char *login = job_printf(job, "%s:%s", user, password);
    size_t length = strlen(login);
    unsigned char *text = job_alloc(job, (length + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock(text, (const unsigned char *)login, (int)length);
    return job_printf(job, "Basic %s", (const char *)text);
}

// The most that http_url() can write.
static size_t
url_bytes(const char *path, const struct http_header query[])
{
    size_t bytes = strlen(path) + 1;
    for (const struct http_header *pair = query; pair != NULL && pair->name != NULL;
         pair++)
        bytes += 2 + ESCAPED * (strlen(pair->name) + strlen(pair->value));
    return bytes;
}

const char *
http_url(struct job *job, const char *path, const struct http_header query[])
{
    struct str out;
    str_begin(&out, url_bytes(path, query));
    str_puts(&out, path);
    char separator = strchr(path, '?') != NULL ? '&' : '?';
    for (const struct http_header *pair = query; pair != NULL && pair->name != NULL;
         pair++) {
        str_append(&out, &separator, 1);
        escape(&out, pair->name);
        str_puts(&out, "=");
        escape(&out, pair->value);
        separator = '&';
    }
    return keep(job, &out);
}

// Whether a segment of a path leads nowhere but below the one before: servers take "."
// and ".." for directions, an empty one for the collection, and some decode a slash
// before they look for a route.
static bool
is_name(const char *segment, size_t length)
{
    if (length == 0 || strncmp(segment, "..", length) == 0)
        return false;
    for (size_t i = 0; i + 2 < length; i++)
        if (strncasecmp(segment + i, "%2F", 3) == 0
            || strncasecmp(segment + i, "%5C", 3) == 0)
            return false;
    return true;
}

bool
http_check_path(struct job *job, const struct http_request *request)
{
    const char *at = request->path;
    size_t bytes = strlen(at);
    if (bytes > MAX_PATH_BYTES)
        return error_permanent(&job->error,
                               "%s: its address is %zu bytes long, %d at the most",
                               http_shown(job, request), bytes, MAX_PATH_BYTES);
    bool at_root = at[0] == '/' && (at[1] == '\0' || at[1] == '?');
    if (at_root || strstr(at, "://") != NULL)
        return true;
    while (*at == '/') {
        size_t length = strcspn(++at, "/?");
        if (!is_name(at, length)) {
            error_permanent(&job->error, "%s: \"%.*s\" in its path is no id",
                            http_shown(job, request), (int)(length < 40 ? length : 40),
                            at);
            job->error.hint = "mend the id in the event, where it comes from";
            return false;
        }
        at += length;
    }
    return true;
}

int64_t
http_retry_after_ms(const char *value, int64_t now_wall_ms)
{
    while (*value == ' ' || *value == '\t')
        value++;
    char text[64];
    str_copy(text, sizeof text, value);
    text[strcspn(text, "\r\n")] = '\0';
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == ' ')
        text[--end] = '\0';
    long long seconds;
    int64_t wait_ms = 0;
    if (str_to_i64(text, &seconds)) {
        if (seconds > 0)
            wait_ms = seconds >= ONE_DAY_MS / 1000 ? ONE_DAY_MS : seconds * 1000;
    } else {
        int64_t at = (int64_t)curl_getdate(text, NULL);
        if (at > 0)
            wait_ms = at * 1000 - now_wall_ms;
    }
    if (wait_ms < 0)
        return 0;
    return wait_ms > ONE_DAY_MS ? ONE_DAY_MS : wait_ms;
}
