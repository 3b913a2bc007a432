/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes RFC 3339 times. What is taken lies in the years 0 to 9999, and reads the same once it was written. */
#include "lib/util/clock.h"
#include "tests/fuzz/fuzz.h"

static void check(int64_t wall_ms)
{
    /* an offset reaches a day beyond the first and last year */
    static const int64_t day = 86400000, first = -62167219200000, beyond = 253402300800000;
    char written[CLOCK_TEXT_SIZE];
    int64_t again = 0;
    fuzz_require(wall_ms >= first - day && wall_ms <= beyond + day, "a time out of range");
    if (wall_ms < 0 || wall_ms >= beyond)
        return;
    clock_format(wall_ms, written);
    fuzz_require(clock_parse(written, &again) && again == wall_ms / 1000 * 1000, "a time that changes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t wall_ms = 0, whole = 0;
    char *text = fuzz_string(data, size);
    size_t used = clock_parse_prefix((const char *)data, size, &wall_ms);
    fuzz_require(used <= size, "more was read than there is");
    if (used > 0)
        check(wall_ms);
    if (clock_parse(text, &whole))
        fuzz_require(used == strlen(text) && whole == wall_ms, "two readings of one time");
    free(text);
    return 0;
}
