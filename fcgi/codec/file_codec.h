/* SPDX-License-Identifier: Apache-2.0 */
/* Files as JSON, and what headers say of them. */
#ifndef SANDBOX_FCGI_CODEC_FILE_CODEC_H
#define SANDBOX_FCGI_CODEC_FILE_CODEC_H

#include "lib/service/files.h"
#include "lib/util/json.h"

/* NULL when memory runs out. */
struct json_object *file_list_encode(const struct workspace_list *list) must_use;

enum { FILE_ETAG_SIZE = SHA256_HEX_SIZE + 2, HTTP_DATE_SIZE = 30 };
/* "SHA-256" with its quotes: strong, for a content never changes under it. */
void file_etag(const struct workspace_file *file, char out[FILE_ETAG_SIZE]);
/* "Tue, 24 Nov 2026 10:00:00 GMT" */
void file_http_date(int64_t wall_ms, char out[HTTP_DATE_SIZE]);
/* Appends a Content-Disposition for the last name of `path` (RFC 6266, RFC 8187): saved, never shown; ASCII for old clients, UTF-8 for others. */
void file_disposition(const char *path, struct strbuf *out);
/* Appends `text` with what is not a letter, a digit or in `fine` as %XX. */
void file_escape(const char *text, const char *fine, struct strbuf *out);

#endif
