/* SPDX-License-Identifier: Apache-2.0 */
/* Executor protocol: what became of the files of a workspace. GET /executions/{id}/changes answers a stream of lines, one JSON
 * object each: first what is gone, then the regular files, then one `end`. A stream without `end` is broken: ask again. */
#ifndef SANDBOX_WIRE_CHANGES_H
#define SANDBOX_WIRE_CHANGES_H

#include "lib/model/workspace.h"
#include "lib/util/strbuf.h"

enum { WIRE_CHANGE_MAX = 8 * 1024 }; /* bytes of one line, with its newline */

enum wire_change_type {
    WIRE_CHANGE_GONE, /* path, below */
    WIRE_CHANGE_FILE, /* path, size, mode, modified_ms, version, mine */
    WIRE_CHANGE_END,  /* all, skipped, mark */
};

struct wire_change {
    enum wire_change_type type;
    char path[WORKSPACE_PATH_SIZE]; /* workspace_path_valid() */
    bool below;                     /* nor is anything below it a file any more */
    bool mine;                      /* touched while the execution ran */
    bool all;                       /* every file is listed: what is not listed is gone */
    int64_t size;
    int64_t mode;                   /* permission bits, at most 0777 */
    int64_t modified_ms;            /* since 1970; not before, and not after the year 9999 */
    char version[FILE_SOURCE_SIZE]; /* opaque; letters, digits and "._~-", so that it stands in a URL as it is */
    int64_t skipped;                /* files that are not listed: their names cannot be stored, or there are too many */
    int64_t mark;                   /* DELETE /executions/{id}?mark=N: all changes up to here are stored */
};

/* Appends one line, with its newline. */
int wire_change_encode(const struct wire_change *change, struct strbuf *out, struct err *err) must_use;
/* Decodes one line (without newline). ERR_INVALID names the field. Owns nothing. */
int wire_change_decode(const char *line, size_t len, struct wire_change *out, struct err *err) must_use;

/* The answer to the last piece of a PUT /files/{path}: {size, version}. To a piece before it: {size} so far. */
struct wire_stored {
    int64_t size;
    char version[FILE_SOURCE_SIZE]; /* "": not the last piece */
};
int wire_stored_encode(const struct wire_stored *stored, struct strbuf *out, struct err *err) must_use;
int wire_stored_decode(const char *text, size_t len, struct wire_stored *out, struct err *err) must_use;

#endif
