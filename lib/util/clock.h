/* SPDX-License-Identifier: Apache-2.0 */
/* Time: wall-clock and monotonic milliseconds, and RFC 3339 text. */
#ifndef SANDBOX_UTIL_CLOCK_H
#define SANDBOX_UTIL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2026-01-06T10:00:00Z" and its NUL. */
#define CLOCK_TEXT_SIZE 21

/* Milliseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME). */
int64_t clock_wall_ms(void);
/* The same in microseconds. */
int64_t clock_wall_us(void);
/* Milliseconds that never run backwards (CLOCK_MONOTONIC). */
int64_t clock_mono_ms(void);
/* Microseconds that never run backwards. */
int64_t clock_mono_us(void);
/* Writes `wall_ms` (0 .. year 9999) as RFC 3339 in UTC, to the second. */
void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/* Reads an RFC 3339 time at the start of `text` (at most `len` bytes): date, T, time, perhaps a fraction, Z or an offset. Years 0000
 * to 9999, so that *wall_ms_out may be negative; a fraction is cut to milliseconds; a leap second is the first moment of the next
 * minute. The number of bytes read, or 0 when there is no such time. */
size_t clock_parse_prefix(const char *text, size_t len, int64_t *wall_ms_out);
/* The same for a text that is nothing but a time. */
bool clock_parse(const char *text, int64_t *wall_ms_out);

#endif
