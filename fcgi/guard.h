/* SPDX-License-Identifier: Apache-2.0 */
/* Who may pass: the request's id, the access token, the scope. */
#ifndef SANDBOX_FCGI_GUARD_H
#define SANDBOX_FCGI_GUARD_H

#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/router.h"
#include "lib/service/context.h"

/* The client's X-Request-Id when it is 1 to 64 characters of [A-Za-z0-9._-], else a new one. */
void guard_request_id(const struct request *request, const struct context *context,
                      char out[REQUEST_ID_SIZE]);
/* Starts the context's actor afresh for this request: where it came from and its id; guard_admit() adds who sent it. */
void guard_identify(const struct request *request, const char *request_id, struct context *context);
/* The token of "Bearer TOKEN" (RFC 6750; the scheme in any case), or NULL. */
const char *guard_bearer_token(const struct request *request);
/* Fills `caller` and the actor for a route that asks for a token. ERR_UNAUTHORIZED, ERR_FORBIDDEN, ERR_RATE_LIMITED. */
int guard_admit(const struct route *route, const struct request *request,
                struct context *context, struct caller *caller, struct err *err) must_use;
/* "sessions" */
const char *guard_scope_name(enum scope scope);

#endif
