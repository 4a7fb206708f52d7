#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    DAY_S = 86400,
    HOUR_S = 3600,
    WINTER_S = 3600, // Europe/Zurich, ahead of UTC
    SUMMER_S = 7200,
};

int64_t
clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
clock_ms(void)
{
    return clock_ns() / 1000000;
}

int64_t
clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here,
// so that the leap day is the last of its year.
static int64_t
days_of(int64_t year, int month, int day)
{
    if (month <= 2) {
        year--;
        month += 12;
    }
    int64_t leap_days = year / 4 - year / 100 + year / 400;
    int64_t month_days = (153 * (month - 3) + 2) / 5;
    return year * 365 + leap_days + month_days + day - 719469;
}

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

void
clock_format(int64_t wall_ms, char text[CLOCK_TEXT])
{
    int64_t ms = wall_ms % 1000;
    if (ms < 0)
        ms += 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL)
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    char day_time[CLOCK_TEXT - 8];
    strftime(day_time, sizeof day_time, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, CLOCK_TEXT, "%s.%03dZ", day_time, (int)ms);
}

// Reads exactly `count` digits at *at and steps over them.
static bool
take_digits(const char **at, int count, int *value)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        char digit = (*at)[i];
        if (digit < '0' || digit > '9')
            return false;
        number = number * 10 + (digit - '0');
    }
    *at += count;
    *value = number;
    return true;
}

static bool
take_char(const char **at, const char *accepted)
{
    if (**at == '\0' || strchr(accepted, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

// Reads "YYYY-MM-DD" at *at as days since 1970.
static bool
take_date(const char **at, int64_t *days, int *year)
{
    int month = 0;
    int day = 0;
    if (!take_digits(at, 4, year) || !take_char(at, "-") || !take_digits(at, 2, &month)
        || !take_char(at, "-") || !take_digits(at, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(*year, month))
        return false;
    *days = days_of(*year, month, day);
    return true;
}

// Reads ".123456" at *at, if it is there, as milliseconds (the rest is dropped).
static bool
take_fraction(const char **at, int64_t *ms)
{
    *ms = 0;
    if (!take_char(at, "."))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (int unit = 100; **at >= '0' && **at <= '9'; unit /= 10, (*at)++)
        *ms += (int64_t)(**at - '0') * unit;
    return true;
}

// Reads "Z" or "+02:00" at *at.
static bool
take_offset(const char **at, int64_t *offset_s)
{
    *offset_s = 0;
    if (take_char(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!take_char(at, "+-") || !take_digits(at, 2, &hours) || !take_char(at, ":")
        || !take_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

bool
clock_parse(const char *text, int64_t *wall_ms)
{
    int64_t days = 0;
    int64_t ms = 0;
    int64_t offset_s = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;

    if (text == NULL || !take_date(&text, &days, &year) || !take_char(&text, "Tt "))
        return false;
    if (!take_digits(&text, 2, &hour) || !take_char(&text, ":")
        || !take_digits(&text, 2, &minute) || !take_char(&text, ":")
        || !take_digits(&text, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    if (!take_fraction(&text, &ms) || !take_offset(&text, &offset_s) || *text != '\0')
        return false;
    int64_t seconds =
        days * DAY_S + hour * INT64_C(3600) + minute * INT64_C(60) + second - offset_s;
    *wall_ms = seconds * 1000 + ms;
    return true;
}

// Day of the last Sunday of a month with 31 days, as days since 1970 (a Thursday).
static int64_t
last_sunday(int year, int month)
{
    int64_t last = days_of(year, month, 31);
    return last - (last + 4) % 7;
}

static bool
is_date(const char *date, int64_t *days, int *year)
{
    return date != NULL && take_date(&date, days, year) && *date == '\0';
}

// Clocks change at 01:00 UTC of the last Sundays of March and October: the rule of the
// European Union, which Switzerland follows.
bool
clock_day_end(const char *date, int64_t *wall_ms)
{
    int64_t day = 0;
    int year = 0;

    if (!is_date(date, &day, &year))
        return false;
    // In the night that begins at the midnight after the Saturday.
    bool summer = day >= last_sunday(year, 3) && day < last_sunday(year, 10);
    int64_t offset_s = summer ? SUMMER_S : WINTER_S;
    *wall_ms = ((day + 1) * DAY_S - offset_s) * 1000;
    return true;
}

// At noon of a day since 1970, so that rounding cannot reach another.
static void
format_date(int64_t days, char date[CLOCK_DATE])
{
    time_t seconds = (time_t)(days * DAY_S + DAY_S / 2);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL)
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    (void)strftime(date, CLOCK_DATE, "%Y-%m-%d", &utc);
}

void
clock_date(int64_t wall_ms, char date[CLOCK_DATE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL)
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    int year = utc.tm_year + 1900;
    bool summer = seconds >= last_sunday(year, 3) * DAY_S + HOUR_S
                  && seconds < last_sunday(year, 10) * DAY_S + HOUR_S;
    int64_t local_s = seconds + (summer ? SUMMER_S : WINTER_S);
    format_date(local_s / DAY_S, date);
}

bool
clock_date_add(const char *date, int64_t days, char later[CLOCK_DATE])
{
    int64_t day = 0;
    int year = 0;
    if (!is_date(date, &day, &year))
        return false;
    format_date(day + days, later);
    return true;
}

bool
clock_days_between(const char *from, const char *to, int64_t *days)
{
    int64_t first = 0;
    int64_t last = 0;
    int year = 0;
    if (!is_date(from, &first, &year) || !is_date(to, &last, &year))
        return false;
    *days = last - first;
    return true;
}
