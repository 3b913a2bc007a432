/* SPDX-License-Identifier: Apache-2.0 */
/* From what happened to an execution to its result. Pure. */
#ifndef SANDBOX_EXECUTOR_VERDICT_H
#define SANDBOX_EXECUTOR_VERDICT_H

#include "lib/util/strbuf.h"
#include "lib/wire/execute.h"

struct facts {
    enum language language;
    enum wire_failure forced; /* why the executor ended it, or NONE */
    const char *reason;       /* a sentence for `forced`, or NULL */
    int status;               /* of wait4() */
    const struct strbuf *report; /* what came over descriptor 3 */
    bool report_over;         /* and there was more than RETURN_BYTES_MAX of it */
    bool memory_killed;       /* the kernel killed for memory meanwhile */
    bool heap_full;           /* JavaScript said so on stderr */
    bool disk_over;           /* the workspace is larger than allowed */
    bool files_over;          /* it holds more files than allowed */
    double peak_memory_mb;
    int64_t timeout_ms, memory_mb, disk_mb, files_max; /* the limits; 0: none */
};

/* Fills failure, message, exit_code, signal and return_json. ERR_INTERNAL: out of memory. */
int verdict_make(const struct facts *facts, struct wire_result *out, struct err *err) must_use;

#endif
