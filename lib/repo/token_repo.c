/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens, by the hash of their text. */
#include "lib/repo/token_repo.h"

#include <string.h>

#include "lib/repo/rows.h"

#define UNUSED_LATELY "(last_used_at IS NULL OR last_used_at < " SQL_NOW " - INTERVAL 60 SECOND)"

#define FOUND "SELECT owner, scopes, id, hash, " UNUSED_LATELY " FROM tokens WHERE hash "
#define VALID " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > " SQL_NOW ")"

enum { FIND, FIND_4, FIND_16, TOUCH, INSERT, REVOKE, EXISTS, LIST, STATEMENTS };

const struct db_stmt token_repo_statements[] = {
    [FIND] = { FOUND "= ?" VALID },
    [FIND_4] = { FOUND "IN (" SQL_4 ")" VALID },
    [FIND_16] = { FOUND "IN (" SQL_16 ")" VALID },
    [TOUCH] = { "SET STATEMENT innodb_lock_wait_timeout = 0 FOR"
                " UPDATE tokens SET last_used_at = " SQL_NOW " WHERE id = ? AND " UNUSED_LATELY },
    [INSERT] = { "INSERT INTO tokens (id, hash, owner, scopes, created_at, expires_at)"
                 " VALUES (?, ?, ?, ?, " SQL_NOW ", FROM_UNIXTIME(? / 1000))" },
    [REVOKE] = { "UPDATE tokens SET revoked_at = " SQL_NOW " WHERE id = ? AND revoked_at IS NULL" },
    [EXISTS] = { "SELECT COUNT(*) FROM tokens WHERE id = ?" },
    [LIST] = { "SELECT id, owner, scopes, " SQL_MS("created_at") ", " SQL_MS("expires_at") ", "
               SQL_MS("revoked_at") ", " SQL_MS("last_used_at") " FROM tokens ORDER BY created_at, id" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = token_repo_statements;

struct asked {
    struct token_question *const *questions;
    size_t count;
};

static int take_match(void *arg, const struct db_row *row, struct err *err)
{
    const struct asked *asked = arg;
    struct token_match match = { .caller.scopes = (unsigned)db_row_int(row, 1), .touch_due = db_row_int(row, 4) };
    if (row_text(row, 0, match.caller.owner, sizeof(match.caller.owner), err) != 0 ||
        row_text(row, 2, match.caller.token_id, sizeof(match.caller.token_id), err) != 0 ||
        row_text(row, 3, match.hash, sizeof(match.hash), err) != 0)
        return -1;
    for (size_t i = 0; i < asked->count; i++)
        if (strcmp(asked->questions[i]->hash, match.hash) == 0) {
            asked->questions[i]->match = match;
            asked->questions[i]->found = true;
        }
    return 0;
}

int token_repo_find_all(struct db *db, struct token_question *const *questions, size_t count, struct err *err)
{
    struct asked asked = { .questions = questions, .count = count };
    struct db_param params[TOKEN_QUESTIONS_MAX];
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        questions[i]->found = false; /* a query may be tried twice */
        distinct = params_add(params, distinct, questions[i]->hash);
    }
    size_t room = params_fill(params, distinct);
    return db_query(db, &sql[room == 1 ? FIND : room == 4 ? FIND_4 : FIND_16], params, room, take_match, &asked, err);
}

int token_repo_find(struct db *db, const char hash[TOKEN_HASH_SIZE], struct token_match *out,
                    struct err *err)
{
    struct token_question question = { .hash = hash }, *const questions[] = { &question };
    if (token_repo_find_all(db, questions, 1, err) != 0)
        return -1;
    if (!question.found)
        return err_set(err, ERR_UNAUTHORIZED, "The access token is unknown, expired or revoked.");
    *out = question.match;
    return 0;
}

int token_repo_touch(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[TOUCH], NULL, err, db_text(id));
}

int token_repo_insert(struct db *db, const struct token *token,
                      const char hash[TOKEN_HASH_SIZE], struct err *err)
{
    return DB_EXEC(db, &sql[INSERT], NULL, err, db_text(token->id), db_text(hash), db_text(token->owner),
                   db_int(token->scopes), token->expires_at ? db_int(token->expires_at) : db_null());
}

int token_repo_revoke(struct db *db, const char *id, bool *revoked_out, struct err *err)
{
    uint64_t changed = 0;
    int64_t known = 0;
    if (DB_QUERY(db, &sql[EXISTS], take_int, &known, err, db_text(id)) != 0)
        return -1;
    if (!known)
        return err_set(err, ERR_NOT_FOUND, "There is no token %.20s; 'sandboxctl token list' shows them.", id);
    if (DB_EXEC(db, &sql[REVOKE], &changed, err, db_text(id)) != 0)
        return -1;
    *revoked_out = changed > 0;
    return 0;
}

struct token_list {
    struct token *items;
    size_t count;
};

static int take_token(void *arg, const struct db_row *row, struct err *err)
{
    struct token_list *list = arg;
    struct token *token = list_add(&list->items, &list->count, sizeof(*token), err);
    if (!token)
        return -1;
    token->scopes = (unsigned)db_row_int(row, 2);
    token->created_at = db_row_int(row, 3);
    token->expires_at = db_row_int(row, 4);
    token->revoked_at = db_row_int(row, 5);
    token->last_used_at = db_row_int(row, 6);
    if (row_text(row, 0, token->id, sizeof(token->id), err) != 0)
        return -1;
    return row_text(row, 1, token->owner, sizeof(token->owner), err);
}

int token_repo_list(struct db *db, struct token **out, size_t *count_out, struct err *err)
{
    struct token_list list = { 0 };
    if (DB_QUERY(db, &sql[LIST], take_token, &list, err) != 0) {
        free(list.items);
        return -1;
    }
    *out = list.items;
    *count_out = list.count;
    return 0;
}
