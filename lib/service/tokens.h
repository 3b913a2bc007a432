/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: made once, shown once, stored as SHA-256. */
#ifndef SANDBOX_SERVICE_TOKENS_H
#define SANDBOX_SERVICE_TOKENS_H

#include "lib/io/digest.h"
#include "lib/repo/token_repo.h"
#include "lib/service/context.h"

#define TOKEN_PREFIX "sbx_"
/* 40 characters of [a-z0-9]: 206 bits, so a plain hash needs no salt. */
enum { TOKEN_RANDOM = 40, TOKEN_TEXT_SIZE = 45, TOKEN_ID_RANDOM = 12 };

/* Makes a token of `owner` (1..64 printable ASCII characters without spaces) and stores its hash. expires_at is in
 * milliseconds since 1970, 0 for never. `text` is the only place where the token is ever seen. */
int token_service_create(const struct context *context, const char *owner, unsigned scopes,
                         int64_t expires_at, char text[TOKEN_TEXT_SIZE], struct token *out,
                         struct err *err) must_use;
/* ERR_UNAUTHORIZED for a token that is malformed, unknown, expired or revoked. Looked up each time, so that revoking works at once
 * everywhere. Notes the use, at most once a minute; failing to is no failure. */
int token_service_verify(const struct context *context, const char *text, struct caller *out,
                         struct err *err) must_use;
/* What is stored of a token. ERR_UNAUTHORIZED: it is malformed. */
int token_service_hash(const char *text, char out[DIGEST_HEX_SIZE], struct err *err) must_use;
/* For context->token_questions: looks up in one query what threads want to know at the same time. NULL: no memory. */
struct gather *token_service_gather(void) must_use;
/* ERR_NOT_FOUND. Repeatable. */
int token_service_revoke(const struct context *context, const char *id, struct err *err) must_use;

/* "sessions,templates,admin" to enum scope, or-ed. ERR_INVALID names an unknown one. */
int token_scopes_parse(const char *text, unsigned *out, struct err *err) must_use;
enum { TOKEN_SCOPES_SIZE = 64 };
void token_scopes_format(unsigned scopes, char out[TOKEN_SCOPES_SIZE]);

#endif
