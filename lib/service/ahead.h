/* SPDX-License-Identifier: Apache-2.0 */
/* What requests that are there at the same time will want to know, looked up for all of them before the first is served: tokens in one query, sessions in one
 * query, and one count for those of the same token. No cache: an answer belongs to one request, which was there before it was looked for, and is given once. */
#ifndef SANDBOX_SERVICE_AHEAD_H
#define SANDBOX_SERVICE_AHEAD_H

#include "lib/io/digest.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/token_repo.h"
#include "lib/service/context.h"

/* UNKNOWN: whoever wants to know asks. FAILED: it was asked, and failed: asking again would take as long. */
enum ahead_answer { AHEAD_UNKNOWN, AHEAD_KNOWN, AHEAD_FAILED };

/* One request's. Begins zeroed, with the first two set. */
struct ahead {
    const char *token;      /* as the caller presents it, borrowed; NULL: there is none, and nothing to look up */
    const char *session_id; /* that it asks for, borrowed; NULL: none */
    char hash[DIGEST_HEX_SIZE];
    struct token_question who;
    struct session_question session;
    enum ahead_answer who_answer, session_answer, count_answer;
    const struct err *failure;
};
enum { AHEAD_MAX = 8 };

/* Looks up for `count` (at most AHEAD_MAX) requests. Failures are told to those who want to know: *failure must live as long as the items. */
void ahead_find(const struct context *context, struct ahead *const *items, size_t count, struct err *failure);
void ahead_release(struct ahead *ahead);

/* For the services, of the request under way (`ahead` may be NULL). KNOWN: the answer is moved to the question; its failure goes to err. */
enum ahead_answer ahead_token(struct ahead *ahead, const char *hash, struct token_question *question, struct err *err) must_use;
enum ahead_answer ahead_session(struct ahead *ahead, const char *owner, const char *id, struct session_question *question, struct err *err) must_use;
/* Whether the request was counted for its token's rate. */
enum ahead_answer ahead_counted(struct ahead *ahead, const char *token_id, struct err *err) must_use;

#endif
