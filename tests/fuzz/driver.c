/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without libFuzzer, as a unit test: its seeds, changed in simple ways, the same on every run. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 65536, CHANGES_MAX = 6, RUNS = 50000 };

/* xorshift64: quality does not matter, being the same everywhere does. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t change(uint8_t *data, size_t size, uint64_t *state)
{
    static const char *const bits[] = { "\"", "\\", "\\u0000", "\\ud800", "{", "}", "[", "]", ":", ",", "null", "%",
                                        "%2e%2e", "/", "?", "&", "=", "NaN", "1e999", "-", "\n", "\xff", "\xc3" };
    size_t at = size ? next_random(state) % size : 0;
    const char *bit = bits[next_random(state) % (sizeof(bits) / sizeof(bits[0]))];
    size_t len = strlen(bit);
    switch (next_random(state) % 5) {
    case 0: /* another byte */
        if (size)
            data[at] = (uint8_t)next_random(state);
        return size;
    case 1: /* cut */
        return at;
    case 2: /* without a piece */
        len = size ? next_random(state) % (size - at) : 0;
        memmove(data + at, data + at + len, size - at - len);
        return size - len;
    default: /* with a piece that means something */
        if (size + len > INPUT_MAX)
            return size;
        memmove(data + at + len, data + at, size - at);
        memcpy(data + at, bit, len);
        return size + len;
    }
}

/* Each input in memory of just its size, so that a sanitizer sees what is read beyond it. */
static void run_exact(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

START_TEST(test_fuzz__seed)
{
    static uint8_t data[INPUT_MAX];
    const char *seed = fuzz_seeds[_i];
    uint64_t state = 88172645463325252u;
    run_exact((const uint8_t *)seed, strlen(seed));
    for (int run = 0; run < RUNS; run++) {
        size_t len = strlen(seed);
        memcpy(data, seed, len);
        for (uint64_t n = 1 + next_random(&state) % CHANGES_MAX; n > 0; n--)
            len = change(data, len, &state);
        run_exact(data, len);
    }
}
END_TEST

int main(void)
{
    int count = 0;
    while (fuzz_seeds[count])
        count++;
    Suite *suite = suite_create("fuzz");
    TCase *tcase = tcase_create("fuzz");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_fuzz__seed, 0, count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
