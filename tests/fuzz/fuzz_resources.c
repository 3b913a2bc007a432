/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes quantities of CPUs and sizes. What is taken is in its range, and reads the same once it was written. */
#include "lib/model/resources.h"
#include "tests/fuzz/fuzz.h"

static void cpu(const char *text)
{
    int64_t milli = 0, again = 0;
    char written[QUANTITY_TEXT_SIZE];
    struct err err = ERR_INIT;
    if (resources_parse_cpu(text, "/cpu", &milli, &err) != 0) {
        fuzz_require(err.code == ERR_INVALID && milli == 0, "a refusal that is none");
        return;
    }
    resources_format_cpu(milli, written);
    fuzz_require(milli >= CPU_MILLI_MIN && milli <= CPU_MILLI_MAX, "CPUs out of range");
    fuzz_require(resources_parse_cpu(written, "/cpu", &again, &err) == 0 && again == milli, "CPUs that change");
}

static void memory(const char *text, int64_t low, int64_t high)
{
    int64_t mb = 0, again = 0;
    char written[QUANTITY_TEXT_SIZE];
    struct err err = ERR_INIT;
    if (resources_parse_size(text, "/size", low, high, &mb, &err) != 0) {
        fuzz_require(err.code == ERR_INVALID && mb == 0, "a refusal that is none");
        return;
    }
    resources_format_size(mb, written);
    fuzz_require(mb >= low && mb <= high, "a size out of range");
    fuzz_require(resources_parse_size(written, "/size", low, high, &again, &err) == 0 && again == mb, "a size that changes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    cpu(text);
    memory(text, MEMORY_MB_MIN, MEMORY_MB_MAX);
    memory(text, DISK_MB_MIN, DISK_MB_MAX);
    free(text);
    return 0;
}
