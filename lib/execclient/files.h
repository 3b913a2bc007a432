/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a workspace, moved through the executor inside its container: blocking calls, for a thread with an engine of its own.
 *
 * Errors of all: ERR_UNAVAILABLE (no connection, or it cannot now), ERR_UNCERTAIN (the connection broke), ERR_TIMEOUT, ERR_UNAUTHORIZED
 * (it does not accept the secret), ERR_FILE_NOT_FOUND (no such file, or no such execution), ERR_CONFLICT, ERR_TOO_LARGE (its workspace is
 * full), ERR_INVALID (it refuses, or its answer makes no sense). Where it gave a reason, the text is that. */
#ifndef SANDBOX_EXECCLIENT_FILES_H
#define SANDBOX_EXECCLIENT_FILES_H

#include <stdbool.h>

#include "lib/execclient/execclient.h"
#include "lib/wire/changes.h"

enum { EXEC_PIECE_MAX = 4 * 1024 * 1024 };

/* What the calls need; borrowed. */
struct exec_files {
    struct http *http;
    const struct exec_target *target;
    int stop; /* descriptor: once it is readable, calls end early with ERR_UNCERTAIN; -1: none */
};

/* One piece of a file on its way in; nothing is seen of it before the one that is final. */
struct exec_piece {
    const char *path, *transfer; /* `transfer`: the same for all pieces of a file, and for no others */
    int64_t offset;
    const void *data;
    size_t len; /* at most EXEC_PIECE_MAX */
    bool final;
    int mode; /* permission bits */
};
/* *out is what the executor says of it. */
int execclient_put(const struct exec_files *files, const struct exec_piece *piece, struct wire_stored *out, struct err *err) must_use;
/* One that is not there is as good as deleted. */
int execclient_delete(const struct exec_files *files, const char *path, struct err *err) must_use;
/* Appends exactly `len` bytes (at most EXEC_PIECE_MAX) from `offset`. ERR_CONFLICT, ERR_FILE_NOT_FOUND: the file is not in that version (any
 * more). */
int execclient_get(const struct exec_files *files, const char *path, const char *version, int64_t offset, size_t len,
                   struct strbuf *out, struct err *err) must_use;

/* Other than 0 (with err) ends the list. */
typedef int (*exec_change_fn)(void *arg, const struct wire_change *change, struct err *err);
/* What became of the files while the execution ran, and since: every line as it comes, the end last. A list without end, or with
 * more after it, is an error. */
int execclient_changes(const struct exec_files *files, const char *execution_id, exec_change_fn on_change, void *arg,
                       struct err *err) must_use;

#endif
