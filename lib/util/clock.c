/* SPDX-License-Identifier: Apache-2.0 */
/* Time in milliseconds and as RFC 3339 text. */
#include "lib/util/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

static char *put_digits(char *at, int value, int count, char end)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    at[count] = end;
    return at + count + 1;
}

/* Years 1970 to 9999. gmtime_r() and strftime() take locks and a microsecond, and an answer has several times. */
static bool format_quickly(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    if (wall_ms < 0 || wall_ms >= 253402300800000)
        return false;
    int second = (int)(wall_ms / 1000 % 86400);
    /* days since 0000-03-01: then leap days come last in a year */
    int days = (int)(wall_ms / 86400000) + 719468;
    int era = days / 146097, of_era = days % 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153, day = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    char *at = put_digits(out, year + era * 400 + (month <= 2), 4, '-');
    at = put_digits(put_digits(at, month, 2, '-'), day, 2, 'T');
    at = put_digits(put_digits(at, second / 3600, 2, ':'), second / 60 % 60, 2, ':');
    *put_digits(at, second % 60, 2, 'Z') = '\0';
    return true;
}

void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    if (format_quickly(wall_ms, out))
        return;
    if (!gmtime_r(&seconds, &utc) || strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        snprintf(out, CLOCK_TEXT_SIZE, "1970-01-01T00:00:00Z");
}

/* What is left to read. */
struct reader {
    const char *at, *end;
    bool failed;
};

/* The next character if it is one of `wanted`, else a failure. */
static char take_one_of(struct reader *reader, const char *wanted)
{
    if (reader->failed || reader->at == reader->end || *reader->at == '\0' || !strchr(wanted, *reader->at)) {
        reader->failed = true;
        return '\0';
    }
    return *reader->at++;
}

static int take_digits(struct reader *reader, int count, int min, int max)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (take_one_of(reader, "0123456789") - '0');
    if (reader->failed || value < min || value > max) {
        reader->failed = true;
        return min;
    }
    return value;
}

static bool next_is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* ".123456" in milliseconds; 0 when there is none. */
static int take_fraction(struct reader *reader)
{
    int ms = 0, weight = 100;
    if (reader->at == reader->end || *reader->at != '.')
        return 0;
    reader->at++;
    if (!next_is_digit(reader))
        reader->failed = true;
    for (; !reader->failed && next_is_digit(reader); reader->at++, weight /= 10)
        ms += weight * (*reader->at - '0');
    return ms;
}

/* Seconds that the local time is ahead of UTC. */
static int take_offset(struct reader *reader)
{
    char sign = take_one_of(reader, "Zz+-");
    if (sign != '+' && sign != '-')
        return 0;
    int hours = take_digits(reader, 2, 0, 23);
    take_one_of(reader, ":");
    int seconds = (hours * 60 + take_digits(reader, 2, 0, 59)) * 60;
    return sign == '-' ? -seconds : seconds;
}

static int days_of_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t shifted = year - (month <= 2); /* years begin in March: the leap day is their last */
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* A leap second is the last of a month in UTC, and nowhere else. */
static bool leap_second_possible(int64_t next_second)
{
    time_t seconds = (time_t)next_second;
    struct tm utc;
    return gmtime_r(&seconds, &utc) && utc.tm_mday == 1 && utc.tm_hour == 0 && utc.tm_min == 0 && utc.tm_sec == 0;
}

size_t clock_parse_prefix(const char *text, size_t len, int64_t *wall_ms_out)
{
    struct reader reader = { .at = text, .end = text + len };
    int year = take_digits(&reader, 4, 0, 9999);
    take_one_of(&reader, "-");
    int month = take_digits(&reader, 2, 1, 12);
    take_one_of(&reader, "-");
    int day = take_digits(&reader, 2, 1, days_of_month(year, month));
    take_one_of(&reader, "Tt");
    int hour = take_digits(&reader, 2, 0, 23);
    take_one_of(&reader, ":");
    int minute = take_digits(&reader, 2, 0, 59);
    take_one_of(&reader, ":");
    int second = take_digits(&reader, 2, 0, 60);
    int fraction = take_fraction(&reader);
    int offset = take_offset(&reader);
    if (reader.failed)
        return 0;
    int64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (second == 60 && !leap_second_possible(seconds))
        return 0;
    *wall_ms_out = seconds * 1000 + (second == 60 ? 0 : fraction);
    return (size_t)(reader.at - text);
}

bool clock_parse(const char *text, int64_t *wall_ms_out)
{
    int64_t wall_ms;
    size_t len = strlen(text);
    if (len == 0 || clock_parse_prefix(text, len, &wall_ms) != len)
        return false;
    *wall_ms_out = wall_ms;
    return true;
}
