/* SPDX-License-Identifier: Apache-2.0 */
/* What a session may use: parsed from and written as the quantities of the REST contract ("1", "0.5", "512Mi", "1Gi"). */
#ifndef SANDBOX_MODEL_RESOURCES_H
#define SANDBOX_MODEL_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/err.h"

struct resources {
    int64_t cpu_milli;     /* thousandths of a CPU: 500..4000 */
    int64_t memory_mb;     /* MiB: 256..8192 */
    int64_t disk_mb;       /* MiB: 1024..51200 */
    int64_t max_processes; /* 32..1024 */
};

enum {
    CPU_MILLI_MIN = 500,
    CPU_MILLI_MAX = 4000,
    MEMORY_MB_MIN = 256,
    MEMORY_MB_MAX = 8192,
    DISK_MB_MIN = 1024,
    DISK_MB_MAX = 51200,
    PROCESSES_MIN = 32,
    PROCESSES_MAX = 1024,
    PROCESSES_DEFAULT = 128,
    QUANTITY_TEXT_SIZE = 24,
};

/* "0.5", "1", "1.25", "500m" to thousandths. ERR_INVALID (about `field`) when malformed or out of range. */
int resources_parse_cpu(const char *text, const char *field, int64_t *milli_out, struct err *err);
/* "512Mi", "1Gi", "1.5Gi" (Ki too) to MiB, within min..max MiB. */
int resources_parse_size(const char *text, const char *field, int64_t min_mb, int64_t max_mb,
                         int64_t *mb_out, struct err *err);
void resources_format_cpu(int64_t milli, char out[QUANTITY_TEXT_SIZE]);
/* Whole GiB as "2Gi", everything else as "512Mi". */
void resources_format_size(int64_t mb, char out[QUANTITY_TEXT_SIZE]);
bool resources_equal(const struct resources *a, const struct resources *b);

#endif
