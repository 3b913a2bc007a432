/* SPDX-License-Identifier: Apache-2.0 */
/* One output stream of an execution as it is gathered: bounded, and plain about what was left out. */
#ifndef SANDBOX_EXECCLIENT_OUTPUT_H
#define SANDBOX_EXECCLIENT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/limits.h"
#include "lib/util/strbuf.h"

enum { EXEC_OUTPUT_MAX = OUTPUT_BYTES_MAX + 1024 }; /* kept text and its markers */

struct exec_output {
    struct strbuf text; /* UTF-8; may hold NUL */
    bool truncated;     /* something was left out, here or by the executor */
};
#define EXEC_OUTPUT_INIT ((struct exec_output){ .text = STRBUF_INIT(EXEC_OUTPUT_MAX) })

/* Appends `len` bytes of UTF-8; `skipped` > 0 bytes that were left out before them leave a marker line. Past the ceiling,
 * text is dropped at a character's edge. */
void exec_output_add(struct exec_output *output, const char *data, size_t len, int64_t skipped);

#endif
