/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write them. */
#ifndef SANDBOX_UTIL_DURATION_H
#define SANDBOX_UTIL_DURATION_H

#include <stdbool.h>
#include <stdint.h>

enum { DURATION_TEXT_SIZE = 24 };

/* "500ms", "5s", "10m", "2h": digits and a unit, nothing else, more than nothing. False for anything else and for what
 * does not fit into 64 bits; *ms_out is then left as it was. */
bool duration_parse(const char *text, int64_t *ms_out);
/* The shortest of those forms that is exact: 60000 is "1m". */
void duration_format(int64_t ms, char out[DURATION_TEXT_SIZE]);

#endif
