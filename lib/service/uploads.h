/* SPDX-License-Identifier: Apache-2.0 */
/* A client's file on its way into a workspace: piece by piece into a new object of storage, which the index names when it is whole. Until
 * then, and whatever fails, the path has what it had. */
#ifndef SANDBOX_SERVICE_UPLOADS_H
#define SANDBOX_SERVICE_UPLOADS_H

#include "lib/model/workspace.h"
#include "lib/service/context.h"

struct upload;

/* For a session of `owner` that lives: ERR_SESSION_NOT_FOUND. Writes nothing yet. The context and the strings must outlive it. */
int upload_open(const struct context *context, const char *owner, const char *session_id, struct upload **out, struct err *err) must_use;
/* Whether a file of at least `size` bytes fits at `path`, as far as that is known by now: ERR_TOO_LARGE. */
int upload_foresee(struct upload *upload, const char *path, int64_t size, struct err *err) must_use;
/* Begins the object: ERR_UNAVAILABLE, ERR_INTERNAL from storage, here and below. */
int upload_begin(struct upload *upload, struct err *err) must_use;
/* ERR_TOO_LARGE: more than FILE_BYTES_MAX, or than fits as foreseen. */
int upload_data(struct upload *upload, const void *data, size_t len, struct err *err) must_use;
/* Makes it the file at `path`, which has been checked. ERR_SESSION_NOT_FOUND (it has ended meanwhile), ERR_TOO_LARGE (over the disk of the
 * session), ERR_CONFLICT (a directory is there, or a file where the path has a directory), ERR_UNCERTAIN. */
int upload_finish(struct upload *upload, const char *path, int64_t *size_out, struct err *err) must_use;
/* Gives up what is not finished, and counts it: `err` is why it ended, with ERR_NONE when it is finished. NULL is fine. */
void upload_close(struct upload *upload, const struct err *err);

#endif
