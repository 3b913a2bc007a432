/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens. Only their SHA-256 is stored. */
#ifndef SANDBOX_REPO_TOKEN_REPO_H
#define SANDBOX_REPO_TOKEN_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

enum { TOKEN_HASH_SIZE = 65 }; /* SHA-256 in hexadecimal, with NUL */

struct token {
    char id[TOKEN_ID_SIZE]; /* public name of the token, for list and revoke */
    char owner[OWNER_SIZE];
    unsigned scopes;
    int64_t created_at, expires_at, revoked_at; /* 0: never */
    int64_t last_used_at;                       /* to the minute; 0: never */
};

struct token_match {
    struct caller caller;
    char hash[TOKEN_HASH_SIZE]; /* as it is stored: for whoever looks it up to compare */
    bool touch_due;             /* its last_used_at is older than a minute */
};
/* ERR_UNAUTHORIZED when no valid (unexpired, unrevoked) token has this hash. */
int token_repo_find(struct db *db, const char hash[TOKEN_HASH_SIZE], struct token_match *out,
                    struct err *err) must_use;
/* Several at once: what a caller presents, and whether such a token is valid. */
struct token_question {
    const char *hash;
    struct token_match match;
    bool found;
};
enum { TOKEN_QUESTIONS_MAX = 16 };
int token_repo_find_all(struct db *db, struct token_question *const *questions, size_t count, struct err *err) must_use;
/* last_used_at = now, unless it is younger than a minute. Never waits for a lock: ERR_TIMEOUT when somebody else has the row (to say
 * the same). */
int token_repo_touch(struct db *db, const char *id, struct err *err) must_use;
int token_repo_insert(struct db *db, const struct token *token,
                      const char hash[TOKEN_HASH_SIZE], struct err *err) must_use;
/* ERR_NOT_FOUND for an unknown id; *revoked_out false: it was revoked before. */
int token_repo_revoke(struct db *db, const char *id, bool *revoked_out, struct err *err) must_use;
int token_repo_list(struct db *db, struct token **out, size_t *count_out, struct err *err) must_use;

#endif
