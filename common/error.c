#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"

// The text may speak of the error it replaces ("cannot start: %s", err->text), so it is
// made beside it first.
static bool error_set(struct error *err, enum error_kind kind, const char *fmt,
                      va_list args) ATTR_PRINTF(3, 0);

static bool
error_set(struct error *err, enum error_kind kind, const char *fmt, va_list args)
{
    char text[sizeof err->text + 4]; // a character more than fits, to see it cut
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        text[0] = '\0';
    *err = (struct error){.kind = kind};
    str_copy(err->text, sizeof err->text, text);
    str_clean(err->text); // it may quote what others sent
    return false;
}

bool
error_retryable(struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_RETRYABLE, fmt, args);
    va_end(args);
    return false;
}

bool
error_permanent(struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_PERMANENT, fmt, args);
    va_end(args);
    return false;
}

bool
error_fatal(struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_FATAL, fmt, args);
    va_end(args);
    return false;
}

bool
error_fenced(struct error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_FENCED, fmt, args);
    va_end(args);
    return false;
}

bool
error_rate_limited(struct error *err, int64_t wait_ms, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_RATE_LIMITED, fmt, args);
    va_end(args);
    err->retry_after_ms = wait_ms > 0 ? wait_ms : 0;
    return false;
}

bool
error_unsure(struct error *err, int64_t wait_ms, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_set(err, ERROR_UNSURE, fmt, args);
    va_end(args);
    err->retry_after_ms = wait_ms > 0 ? wait_ms : 0;
    return false;
}

bool
error_about(struct error *err, const char *about)
{
    char text[sizeof err->text + 64];
    snprintf(text, sizeof text, "%.60s: %s", about, err->text);
    str_copy(err->text, sizeof err->text, text);
    str_clean(err->text); // a character may have been cut
    return false;
}

void
error_clear(struct error *err)
{
    *err = (struct error){0};
}

const char *
error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",
        [ERROR_RETRYABLE] = "retryable",
        [ERROR_RATE_LIMITED] = "rate-limited",
        [ERROR_UNSURE] = "unsure",
        [ERROR_PERMANENT] = "permanent",
        [ERROR_FATAL] = "fatal",
        [ERROR_FENCED] = "fenced",
    };
    size_t index = (size_t)kind;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}
