/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens. */
#include "lib/service/tokens.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/service/ahead.h"
#include "lib/service/audit.h"
#include "lib/util/clock.h"
#include "lib/util/gather.h"
#include "lib/util/id.h"

static const struct {
    enum scope scope;
    const char *name;
} scope_table[] = { { SCOPE_SESSIONS, "sessions" }, { SCOPE_TEMPLATES, "templates" }, { SCOPE_ADMIN, "admin" } };
enum { SCOPES = sizeof(scope_table) / sizeof(scope_table[0]) };

static bool owner_valid(const char *owner)
{
    size_t len = strlen(owner);
    if (len == 0 || len >= OWNER_SIZE)
        return false;
    for (size_t i = 0; i < len; i++)
        if (owner[i] <= ' ' || owner[i] >= 0x7f)
            return false;
    return true;
}

struct change {
    const struct context *context;
    const struct token *token; /* to be made */
    const char *hash;
    const char *id;            /* of one to be revoked */
};

static int create_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    const struct token *token = change->token;
    char scopes[TOKEN_SCOPES_SIZE], expires[CLOCK_TEXT_SIZE] = "never";
    token_scopes_format(token->scopes, scopes);
    if (token->expires_at)
        clock_format(token->expires_at, expires);
    if (token_repo_insert(db, token, change->hash, err) != 0)
        return -1;
    return audit_note(change->context, "create", "token", token->id, err, "owner %s, scopes %s, expires %s", token->owner,
                      scopes, expires);
}

int token_service_create(const struct context *context, const char *owner, unsigned scopes,
                         int64_t expires_at, char text[TOKEN_TEXT_SIZE], struct token *out,
                         struct err *err)
{
    char hash[DIGEST_HEX_SIZE];
    struct token token = { .scopes = scopes, .expires_at = expires_at };
    struct change change = { .context = context, .token = &token, .hash = hash };
    if (!owner_valid(owner))
        return err_field(err, "/owner", "An owner is 1 to 64 printable ASCII characters without spaces.");
    if (scopes == 0)
        return err_field(err, "/scopes", "A token needs at least one scope.");
    snprintf(token.owner, sizeof(token.owner), "%s", owner);
    id_random(token.id, TOKEN_ID_RANDOM);
    id_prefixed(text, TOKEN_PREFIX, TOKEN_RANDOM);
    if (digest_sha256_hex(text, strlen(text), hash, err) != 0 ||
        db_transaction(context->db, create_work, &change, err) != 0)
        return -1;
    *out = token;
    return 0;
}

static void note_use(const struct context *context, const char *id)
{
    struct err ignored = ERR_INIT; /* busy: somebody else notes it just now */
    (void)!token_repo_touch(context->db, id, &ignored);
}

static int answer_all(void *context, void *const *questions, size_t count, struct err *err)
{
    const struct context *asker = context;
    return token_repo_find_all(asker->db, (struct token_question *const *)questions, count, err);
}

struct gather *token_service_gather(void)
{
    return gather_new(answer_all, TOKEN_QUESTIONS_MAX, GATHER_AT_ONCE);
}

static int take_answer(const struct token_question *question, struct token_match *out, struct err *err)
{
    if (!question->found)
        return err_set(err, ERR_UNAUTHORIZED, "The access token is unknown, expired or revoked.");
    *out = question->match;
    return 0;
}

static int find(const struct context *context, const char *hash, struct token_match *out, struct err *err)
{
    struct token_question question = { .hash = hash };
    enum ahead_answer answer = ahead_token(context->ahead, hash, &question, err);
    if (answer == AHEAD_FAILED)
        return -1;
    if (answer == AHEAD_KNOWN)
        return take_answer(&question, out, err);
    if (!context->token_questions)
        return token_repo_find(context->db, hash, out, err);
    if (gather_ask(context->token_questions, &question, (void *)context, err) != 0)
        return -1;
    return take_answer(&question, out, err);
}

int token_service_hash(const char *text, char out[DIGEST_HEX_SIZE], struct err *err)
{
    if (!id_valid(text, TOKEN_PREFIX, TOKEN_RANDOM))
        return err_set(err, ERR_UNAUTHORIZED, "The access token is malformed.");
    return digest_sha256_hex(text, strlen(text), out, err);
}

int token_service_verify(const struct context *context, const char *text, struct caller *out,
                         struct err *err)
{
    char hash[DIGEST_HEX_SIZE];
    struct token_match match;
    if (token_service_hash(text, hash, err) != 0 || find(context, hash, &match, err) != 0)
        return -1;
    /* the index compares byte by byte and stops early: it only proposes */
    if (CRYPTO_memcmp(hash, match.hash, sizeof(hash)) != 0)
        return err_set(err, ERR_UNAUTHORIZED, "The access token is unknown, expired or revoked.");
    if (match.touch_due)
        note_use(context, match.caller.token_id);
    *out = match.caller;
    return 0;
}

static int revoke_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    bool revoked = false;
    if (token_repo_revoke(db, change->id, &revoked, err) != 0)
        return -1;
    return revoked ? audit_note(change->context, "revoke", "token", change->id, err, "%s", "") : 0;
}

int token_service_revoke(const struct context *context, const char *id, struct err *err)
{
    struct change change = { .context = context, .id = id };
    return db_transaction(context->db, revoke_work, &change, err);
}

/* The scope whose name is the `len` bytes at `name`; 0 for none. */
static unsigned find_scope(const char *name, size_t len)
{
    for (size_t i = 0; i < SCOPES; i++)
        if (strlen(scope_table[i].name) == len && memcmp(scope_table[i].name, name, len) == 0)
            return scope_table[i].scope;
    return 0;
}

int token_scopes_parse(const char *text, unsigned *out, struct err *err)
{
    unsigned scopes = 0;
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        unsigned scope = find_scope(at, len);
        if (!scope)
            return err_field(err, "/scopes", "\"%.*s\" is no scope; there are sessions, templates, admin.",
                             (int)(len < 40 ? len : 40), at);
        scopes |= scope;
        at += len;
        if (!*at)
            break;
    }
    *out = scopes;
    return 0;
}

void token_scopes_format(unsigned scopes, char out[TOKEN_SCOPES_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < SCOPES; i++)
        if (scopes & scope_table[i].scope)
            used += (size_t)snprintf(out + used, TOKEN_SCOPES_SIZE - used, "%s%s", used ? "," : "",
                                     scope_table[i].name);
}
