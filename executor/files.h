/* SPDX-License-Identifier: Apache-2.0 */
/* The workspace over HTTP, as the sandbox's own user: what that user cannot reach, nobody reaches through here, and no link
 * is followed. Contents travel in pieces of at most FILES_PIECE_MAX bytes, so that none is held in memory as a whole. */
#ifndef SANDBOX_EXECUTOR_FILES_H
#define SANDBOX_EXECUTOR_FILES_H

#include "executor/engine.h"

struct evhttp_request;

enum { FILES_PIECE_MAX = 4 * 1024 * 1024 };

/* GET /files: {"files": [{path, size, modified_ms}], "complete"}; complete is false when there are more than can be listed. */
int files_list(struct engine *engine, struct evhttp_request *request, const char *part, struct err *err);
/* GET /files/{path}?offset=N&length=N: bytes from there; X-File-Size is the size of all. */
int files_get(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);
/* PUT /files/{path}?offset=N: writes the body there. Offset 0 (default) makes the file anew, with its directories. */
int files_put(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);
/* DELETE /files/{path}: 204. */
int files_delete(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);

#endif
