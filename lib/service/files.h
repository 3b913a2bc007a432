/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a session's workspace for a client: while the session lives, and after its end until they are purged.
 * ERR_SESSION_NOT_FOUND: no such session, or somebody else's. ERR_FILE_NOT_FOUND: no such file, deleted or purged. */
#ifndef SANDBOX_SERVICE_FILES_H
#define SANDBOX_SERVICE_FILES_H

#include "lib/repo/workspace_repo.h"
#include "lib/service/context.h"
#include "lib/storage/storage.h"

int file_service_list(const struct context *context, const char *owner, const char *session_id, const char *prefix, const struct page *page,
                      struct workspace_list *out, struct err *err) must_use;
int file_service_find(const struct context *context, const char *owner, const char *session_id, const char *path, struct workspace_file *out,
                      struct err *err) must_use;
int file_service_delete(const struct context *context, const char *owner, const char *session_id, const char *path, struct err *err) must_use;

/* What a file that was found has in storage. An object that is not there is ERR_INTERNAL: the index promised it. */
int file_service_read(const struct context *context, const char *session_id, const struct workspace_file *file, int64_t offset,
                      int64_t length, storage_data_fn on_data, void *arg, struct err *err) must_use;
/* Appends the path of the local file that holds it, which was looked for; nothing when storage is not a directory. */
int file_service_local(const struct context *context, const char *session_id, const struct workspace_file *file, struct strbuf *out,
                       struct err *err) must_use;
/* Appends an address at storage itself, for a file that is large enough (storage.s3_redirect_mb); nothing when there is none. */
int file_service_address(const struct context *context, const char *session_id, const struct workspace_file *file,
                         const char *content_disposition, struct strbuf *out, struct err *err) must_use;

#endif
