/* SPDX-License-Identifier: Apache-2.0 */
/* The workspace over HTTP, as the sandbox's own user: what that user cannot reach, nobody reaches through here, and no link
 * is followed. Contents travel in pieces of at most FILES_PIECE_MAX bytes, so that none is held in memory as a whole. */
#ifndef SANDBOX_EXECUTOR_FILES_H
#define SANDBOX_EXECUTOR_FILES_H

#include "executor/engine.h"

struct evhttp_request;

enum { FILES_PIECE_MAX = 4 * 1024 * 1024 };

/* GET /files/{path}?offset=N&length=N&version=V: bytes from there; X-File-Size is the size of all. ERR_CONFLICT when the file is not
 * in that version (any more). */
int files_get(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);
/* PUT /files/{path}?transfer=ID&offset=N&final=0|1&mode=N: a piece (executor/transfers.h); without a query, the whole file. */
int files_put(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);
/* DELETE /files/{path}: 204. */
int files_delete(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err);

#endif
