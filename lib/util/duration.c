/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes "500ms", "5s", "10m", "2h". */
#include "lib/util/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The largest first. */
static const struct {
    const char *name;
    int64_t ms;
} units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
enum { UNITS = sizeof(units) / sizeof(units[0]) };

bool duration_parse(const char *text, int64_t *ms_out)
{
    int64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
            return false;
    if (value == 0)
        return false;
    for (size_t i = 0; i < UNITS; i++)
        if (strcmp(at, units[i].name) == 0) {
            if (__builtin_mul_overflow(value, units[i].ms, &value))
                return false;
            *ms_out = value;
            return true;
        }
    return false;
}

void duration_format(int64_t ms, char out[DURATION_TEXT_SIZE])
{
    size_t i = 0;
    while (i < UNITS - 1 && ms % units[i].ms != 0)
        i++;
    snprintf(out, DURATION_TEXT_SIZE, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}
