/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target offers: to libFuzzer (--enable-fuzzers), and to tests/fuzz/driver.c for a short run in the test suite. */
#ifndef SANDBOX_TESTS_FUZZ_H
#define SANDBOX_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Inputs to begin with; ends with NULL. */
extern const char *const fuzz_seeds[];

#endif
