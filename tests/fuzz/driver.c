/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without libFuzzer, as a unit test: its corpus, changed in simple ways, the same on every run. */
#include "config.h" /* program_invocation_short_name */

#include <check.h>
#include <errno.h>
#include <glob.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 65536, CHANGES_MAX = 6, RUNS = 150000 };

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
                                        "%2e%2e", "/", "?", "&", "=", "NaN", "1e999", "-", "\n", "\xff", "\xc3", "-01-06T10:00:00Z", "Gi", "m", ".5", "sess_", "exec_", "Bearer ",
                                        "9223372036854775808", "a\":1,\"a\":1" };
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
    if (size)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* The files of tests/fuzz/corpus/NAME, for the program test_fuzz_NAME. */
static int find_corpus(glob_t *out)
{
    static const char prefix[] = "test_fuzz_";
    const char *top = getenv("srcdir"), *name = strstr(program_invocation_short_name, prefix);
    char pattern[4096];
    if (!name)
        return -1;
    snprintf(pattern, sizeof(pattern), "%s/tests/fuzz/corpus/%s/*", top ? top : ".", name + sizeof(prefix) - 1);
    return glob(pattern, 0, NULL, out);
}

static glob_t corpus;

static size_t read_seed(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size_t len = fread(data, 1, INPUT_MAX, file);
    fclose(file);
    return len;
}

START_TEST(test_fuzz__seed)
{
    static uint8_t seed[INPUT_MAX], data[INPUT_MAX];
    size_t seed_len = read_seed(corpus.gl_pathv[_i], seed);
    uint64_t state = 88172645463325252u;
    run_exact(seed, seed_len);
    for (size_t run = 0; run < RUNS / corpus.gl_pathc; run++) {
        size_t len = seed_len;
        memcpy(data, seed, len);
        for (uint64_t n = 1 + next_random(&state) % CHANGES_MAX; n > 0; n--)
            len = change(data, len, &state);
        run_exact(data, len);
    }
}
END_TEST

int main(void)
{
    if (find_corpus(&corpus) != 0) {
        fprintf(stderr, "there is no corpus; srcdir must be the source's directory\n");
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("fuzz");
    TCase *tcase = tcase_create("fuzz");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_fuzz__seed, 0, (int)corpus.gl_pathc);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    globfree(&corpus);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
