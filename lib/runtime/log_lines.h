/* SPDX-License-Identifier: Apache-2.0 */
/* What a container said, as lines for people: `TIME [LEVEL] text`, the newest of them. Pure. */
#ifndef SANDBOX_RUNTIME_LOG_LINES_H
#define SANDBOX_RUNTIME_LOG_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/util/strbuf.h"

enum { LOG_LINE_MAX = 16 * 1024 };

struct log_lines {
    int64_t tail;     /* lines wanted */
    int64_t since_ms; /* earlier ones are left out, to the second */
    int64_t last_ms;  /* time of a line that says none: that of the one before */
    struct strbuf kept;
};
#define cleanup_log_lines cleanup(log_lines_release)

/* `otherwise_ms`: the time of lines at the start that say none. */
void log_lines_init(struct log_lines *lines, int64_t tail, int64_t since_ms, int64_t otherwise_ms);
void log_lines_release(struct log_lines *lines);
/* Takes whole lines, with or without a newline at the end. A line in the form already stays as it is; before it, or before one without a
 * time, there may be the time that an engine has put there. A line that is in no form gets `level`. Bad UTF-8 and control characters
 * are made harmless, and what is over LOG_LINE_MAX bytes of a line is dropped. */
void log_lines_add(struct log_lines *lines, const char *text, size_t len, const char *level);
/* Appends the last `tail` lines, at most `max` bytes of them, from a line's start. */
void log_lines_finish(const struct log_lines *lines, size_t max, struct strbuf *out);

#endif
