/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream of bytes into lines of bounded length, however the bytes arrive. */
#ifndef SANDBOX_EXECCLIENT_LINES_H
#define SANDBOX_EXECCLIENT_LINES_H

#include <stddef.h>

#include "lib/util/err.h"
#include "lib/util/strbuf.h"

struct lines {
    struct strbuf part; /* the line that is not whole yet; its ceiling bounds every line */
};
#define LINES_INIT(limit) ((struct lines){ .part = STRBUF_INIT(limit) })

void lines_release(struct lines *lines);

/* A line without its newline; borrowed. Other than 0 (with err set) stops the feeding. */
typedef int (*lines_fn)(void *arg, const char *line, size_t len, struct err *err);

/* Calls on_line for every line that `data` completes. ERR_TOO_LARGE when a line is longer than the limit, else what on_line
 * said. After a failure the splitter is of no further use. */
int lines_feed(struct lines *lines, const char *data, size_t len, lines_fn on_line, void *arg,
               struct err *err) must_use;

#endif
