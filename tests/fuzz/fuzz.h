/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target offers: to libFuzzer (--enable-fuzzers), and to tests/fuzz/driver.c for a short run in the test suite. What it
 * begins with are the files in tests/fuzz/corpus/NAME, for tests/fuzz/fuzz_NAME.c. */
#ifndef SANDBOX_TESTS_FUZZ_H
#define SANDBOX_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input. */
static inline void fuzz_require(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

/* The input as a string of its own, cut at its first NUL. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_require(text != NULL, "out of memory");
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
