/* SPDX-License-Identifier: Apache-2.0 */
/* Makes small tar archives (POSIX ustar), in memory. Pure. */
#ifndef SANDBOX_RUNTIME_TAR_H
#define SANDBOX_RUNTIME_TAR_H

#include "lib/util/strbuf.h"

/* Appends a file of root's; `name` is at most 99 bytes. What does not fit is seen in strbuf_ok(). */
void tar_add(struct strbuf *out, const char *name, unsigned mode, const char *data, size_t len);
/* Appends the archive's end. */
void tar_end(struct strbuf *out);

#endif
