/* SPDX-License-Identifier: Apache-2.0 */
/* Files on their way into the workspace: written beside it under a name of ours, piece by piece, and put in their place whole. */
#ifndef SANDBOX_EXECUTOR_TRANSFERS_H
#define SANDBOX_EXECUTOR_TRANSFERS_H

#include "executor/engine.h"
#include "lib/wire/changes.h"

struct transfers;
struct transfers *transfers_new(struct engine *engine, struct err *err) must_use;
/* Removes what is unfinished. */
void transfers_free(struct transfers *transfers);

struct piece {
    const char *id;   /* of the transfer: pieces of others do not mix with it */
    const char *path;
    const void *data;
    size_t len;
    int64_t offset;   /* 0 begins it anew */
    bool final;
    int mode;         /* permission bits, with the last piece */
};
/* ERR_CONFLICT: the piece does not follow the last one of its transfer, or something is in the way. After a failure the transfer is
 * over. One that gets no piece for a minute is removed. */
int transfers_put(struct transfers *transfers, const struct piece *piece, struct wire_stored *out, struct err *err) must_use;
/* Removes a file: not counted as touched, either. */
int transfers_delete(struct transfers *transfers, const char *path, struct err *err) must_use;

#endif
