#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/str.h"

enum {
    TEXT_MAX_BYTES = 2048,
    LINE_MAX_BYTES = 64 * 1024,
};

// Written once by log_open(), before threads start.
static struct {
    enum log_level level;
    char program[64];
} log_state = {.level = LOG_INFO, .program = "relais"};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void
log_open(const char *program)
{
    str_copy(log_state.program, sizeof log_state.program, program);
    log_state.level = LOG_INFO;
    const char *wanted = getenv("LOG_LEVEL");
    for (int level = LOG_DEBUG; wanted != NULL && level <= LOG_ERROR; level++)
        if (strcmp(wanted, level_names[level]) == 0)
            log_state.level = (enum log_level)level;
}

enum log_level
log_level(void)
{
    return log_state.level;
}

// Appends one character of the text, escaped, and returns how many bytes it had.
static size_t
put_character(struct str *line, const char *text, size_t length)
{
    size_t step = str_utf8_length(text, length);
    unsigned char first = (unsigned char)text[0];

    if (step == 0 && first != '\0') {
        str_puts(line, "\xEF\xBF\xBD"); // U+FFFD stands for each byte that is none
        return 1;
    }
    if (first == '"' || first == '\\')
        str_printf(line, "\\%c", first);
    else if (first == '\n')
        str_puts(line, "\\n");
    else if (first < 0x20 || first == 0x7F)
        str_printf(line, "\\u%04x", first);
    else
        str_append(line, text, step);
    return step == 0 ? 1 : step;
}

// How many bytes at the beginning stand for themselves: most do.
static size_t
plain_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] >= ' ' && text[at] < 0x7F && text[at] != '"'
           && text[at] != '\\')
        at++;
    return at;
}

static void
put_text(struct str *line, const char *text)
{
    if (text == NULL) {
        str_puts(line, "null");
        return;
    }
    size_t length = str_fit(text, strnlen(text, TEXT_MAX_BYTES + 1), TEXT_MAX_BYTES);
    str_puts(line, "\"");
    for (size_t at = 0; at < length;) {
        size_t plain = plain_length(text + at, length - at);
        str_append(line, text + at, plain);
        at += plain;
        if (at < length)
            at += put_character(line, text + at, length - at);
    }
    str_puts(line, "\"");
}

// Appends one member, or nothing where the line would grow too long.
static bool
put_field(struct str *line, const struct log_field *field)
{
    size_t before = line->length;

    str_puts(line, ",");
    put_text(line, field->name);
    str_puts(line, ":");
    if (field->is_number)
        str_printf(line, "%lld", (long long)field->number);
    else
        put_text(line, field->text);
    if (!line->failed)
        return true;
    line->length = before;
    line->data[before] = '\0';
    line->failed = false;
    return false;
}

static void
log_print(struct str *line, enum log_level level, const char *event,
          const struct log_field fields[])
{
    char at[CLOCK_TEXT];
    clock_format(clock_wall_ms(), at);
    str_printf(line, "{\"at\":\"%s\",\"level\":\"%s\",\"program\":", at,
               level_names[level]);
    put_text(line, log_state.program);
    str_puts(line, ",\"event\":");
    put_text(line, event);
    for (; fields != NULL && fields->name != NULL; fields++)
        if (!put_field(line, fields))
            break;
}

void
log_event(enum log_level level, const char *event, const struct log_field fields[])
{
    if (level < log_state.level)
        return;
    int saved_errno = errno;
    struct str line;
    str_begin(&line, LINE_MAX_BYTES);
    line.max -= 2; // kept for the end of the line
    log_print(&line, level, event, fields);
    line.max += 2;
    str_puts(&line, "}\n");
    for (size_t sent = 0; sent < line.length;) {
        ssize_t took = write(STDOUT_FILENO, line.data + sent, line.length - sent);
        if (took < 0 && errno != EINTR)
            break; // nowhere to complain to
        sent += took > 0 ? (size_t)took : 0;
    }
    str_end(&line);
    errno = saved_errno;
}

static void log_text(enum log_level level, const char *event, const char *fmt,
                     va_list args) ATTR_PRINTF(3, 0);

static void
log_text(enum log_level level, const char *event, const char *fmt, va_list args)
{
    if (level < log_state.level)
        return;
    char text[TEXT_MAX_BYTES + 4]; // a character more than is printed, to see it cut
    vsnprintf(text, sizeof text, fmt, args);
    log_event(level, event, (struct log_field[]){LOG_TEXT("text", text), {0}});
}

void
log_error(const char *event, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(LOG_ERROR, event, fmt, args);
    va_end(args);
}

void
log_warn(const char *event, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(LOG_WARN, event, fmt, args);
    va_end(args);
}

void
log_info(const char *event, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(LOG_INFO, event, fmt, args);
    va_end(args);
}

void
log_debug(const char *event, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(LOG_DEBUG, event, fmt, args);
    va_end(args);
}
