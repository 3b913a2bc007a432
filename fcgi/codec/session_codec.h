/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_SESSION_CODEC_H
#define SANDBOX_FCGI_CODEC_SESSION_CODEC_H

#include "lib/service/sessions.h"
#include "lib/util/json.h"

/* The body of POST /sessions. ERR_INVALID names the field. Releases nothing on failure: *out is empty then. */
int session_request_decode(const char *text, size_t len, struct session_request *out,
                           struct err *err) must_use;

/* The body of POST /sessions/{id}/renew. */
int session_renewal_decode(const char *text, size_t len, int64_t *timeout_s_out, struct err *err) must_use;

enum session_view {
    SESSION_VIEW_CREATED, /* the answer to its creation */
    SESSION_VIEW_FULL,
};
/* `workspace_url` is what workspace_path begins with. */
struct json_object *session_encode(const struct session *session, const char *workspace_url,
                                   enum session_view view) must_use;
struct json_object *session_list_encode(const struct session_list *list, const char *workspace_url) must_use;

#endif
