/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a workspace: what their paths may be, and what is known of one. */
#ifndef SANDBOX_MODEL_WORKSPACE_H
#define SANDBOX_MODEL_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/limits.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum {
    WORKSPACE_PATH_MAX = 1024,  /* bytes */
    WORKSPACE_PATH_SIZE = WORKSPACE_PATH_MAX + 1,
    WORKSPACE_NAME_MAX = 255,   /* bytes of one component */
    WORKSPACE_DEPTH_MAX = 64,   /* components */
    WORKSPACE_FILES_MAX = 100000, /* of one session */
    FILE_BYTES_MAX = 100 * 1024 * 1024, /* of one upload */
    FORM_BYTES_MAX = 128 * 1024,        /* of what is around it: headers, the path, what is ignored */
    FORM_BODY_MAX = FILE_BYTES_MAX + FORM_BYTES_MAX,
    OBJECT_ID_SIZE = 17,
    SHA256_HEX_SIZE = 65,
    MIME_TYPE_SIZE = 128,
    FILE_SOURCE_SIZE = 81,
    FILE_MODE_DEFAULT = 0664,
};

/* Whether `path` names a file inside a workspace: 1 to 1024 bytes of UTF-8 without control characters, relative, at most 64
 * components of 1 to 255 bytes, none of them "." or ".." (so no "//", and no "/" at either end). ERR_INVALID says what is
 * wrong, with `field` as its field. */
int workspace_path_check(const char *path, size_t len, const char *field, struct err *err) must_use;
/* The same as a yes or no. */
bool workspace_path_valid(const char *path, size_t len);

/* A row of the index. */
struct workspace_file {
    char path[WORKSPACE_PATH_SIZE];
    int64_t change_seq; /* number of the client's change that made it; 0: it came out of the container */
    bool pending;       /* the container does not have it so yet */
    bool deleted;       /* a client deleted it, and its container does not know yet */
    char object_id[OBJECT_ID_SIZE];
    int64_t size;
    char sha256[SHA256_HEX_SIZE];  /* hexadecimal; its ETag */
    char mime_type[MIME_TYPE_SIZE];
    int mode;                      /* permission bits */
    char source[FILE_SOURCE_SIZE]; /* version of the container's copy, in its executor's words; "": not known */
    int64_t execution_seq;         /* which stored it; 0: a client */
    int64_t modified_at;           /* ms since 1970 */
};

#endif
