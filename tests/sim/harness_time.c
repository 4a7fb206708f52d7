#include "harness_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
time_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t
time_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void
time_format(int64_t at_ms, char out[TIME_TEXT_BYTES])
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char day[24];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, TIME_TEXT_BYTES, "%s.%03dZ", day, (int)(at_ms % 1000));
}

// Reads exactly count digits at *p and moves it behind them.
static bool
read_digits(const char **p, int count, int *value)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (c - '0');
    }
    *p += count;
    *value = sum;
    return true;
}

static bool
read_char(const char **p, char wanted)
{
    if (**p != wanted)
        return false;
    (*p)++;
    return true;
}

static bool
read_date(const char **p, struct tm *tm)
{
    if (!read_digits(p, 4, &tm->tm_year) || !read_char(p, '-')
        || !read_digits(p, 2, &tm->tm_mon) || !read_char(p, '-')
        || !read_digits(p, 2, &tm->tm_mday))
        return false;
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31)
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

static bool
read_clock(const char **p, struct tm *tm, int *fraction_ms)
{
    if (!read_digits(p, 2, &tm->tm_hour) || !read_char(p, ':')
        || !read_digits(p, 2, &tm->tm_min))
        return false;
    if (read_char(p, ':') && !read_digits(p, 2, &tm->tm_sec))
        return false;
    if (read_char(p, '.')) {
        int scale = 100;
        for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
            *fraction_ms += (**p - '0') * scale;
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

static bool
read_offset(const char **p, int *offset_min)
{
    if (**p == '\0' || read_char(p, 'Z'))
        return true;
    int sign = **p == '-' ? -1 : 1;
    if (!read_char(p, '+') && !read_char(p, '-'))
        return false;
    int hours = 0;
    int minutes = 0;
    if (!read_digits(p, 2, &hours))
        return false;
    read_char(p, ':');
    if (**p != '\0' && !read_digits(p, 2, &minutes))
        return false;
    *offset_min = sign * (hours * 60 + minutes);
    return true;
}

bool
time_parse(const char *text, int64_t *at_ms)
{
    struct tm tm = {0};
    int fraction_ms = 0;
    int offset_min = 0;
    if (!read_date(&text, &tm))
        return false;
    if (read_char(&text, 'T') || read_char(&text, ' ')) {
        if (!read_clock(&text, &tm, &fraction_ms) || !read_offset(&text, &offset_min))
            return false;
    }
    if (*text != '\0')
        return false;
    *at_ms = ((int64_t)timegm(&tm) - (int64_t)offset_min * 60) * 1000 + fraction_ms;
    return true;
}
