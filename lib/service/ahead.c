/* SPDX-License-Identifier: Apache-2.0 */
/* Step by step: whose tokens are valid is found first; only for those is counted and looked further. */
#include "lib/service/ahead.h"

#include <string.h>

#include "lib/service/limits.h"
#include "lib/service/tokens.h"

struct batch {
    const struct context *context;
    struct ahead *const *items;
    size_t count;
    struct err *failure;
};

static bool is_valid(const struct ahead *ahead)
{
    return ahead->who_answer == AHEAD_KNOWN && ahead->who.found;
}

static void find_tokens(const struct batch *batch)
{
    struct token_question *questions[AHEAD_MAX];
    struct err malformed = ERR_INIT;
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct ahead *ahead = batch->items[i];
        if (!ahead->token || token_service_hash(ahead->token, ahead->hash, &malformed) != 0)
            continue;
        ahead->who = (struct token_question){ .hash = ahead->hash };
        ahead->who_answer = AHEAD_KNOWN;
        questions[count++] = &ahead->who;
    }
    if (count == 0 || token_repo_find_all(batch->context->db, questions, count, batch->failure) == 0)
        return;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->who_answer == AHEAD_KNOWN) {
            batch->items[i]->who_answer = AHEAD_FAILED;
            batch->items[i]->failure = batch->failure;
        }
}

/* Who comes alone is counted when it is served. */
static void count_token(const struct batch *batch, size_t first)
{
    struct ahead *same[AHEAD_MAX];
    size_t count = 0;
    bool taken = false;
    const char *id = batch->items[first]->who.match.caller.token_id;
    for (size_t i = 0; i < batch->count; i++) {
        struct ahead *ahead = batch->items[i];
        if (!is_valid(ahead) || strcmp(ahead->who.match.caller.token_id, id) != 0)
            continue;
        if (i < first)
            return; /* it was its turn then */
        same[count++] = ahead;
    }
    if (count < 2)
        return;
    int status = limit_requests(batch->context, id, (int64_t)count, &taken, batch->failure);
    for (size_t i = 0; i < count; i++) {
        same[i]->count_answer = status != 0 ? AHEAD_FAILED : taken ? AHEAD_KNOWN : AHEAD_UNKNOWN;
        same[i]->failure = batch->failure;
    }
}

static void find_sessions(const struct batch *batch)
{
    struct session_question *questions[AHEAD_MAX];
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct ahead *ahead = batch->items[i];
        if (!is_valid(ahead) || !ahead->session_id)
            continue;
        ahead->session = (struct session_question){ .owner = ahead->who.match.caller.owner, .id = ahead->session_id };
        ahead->session_answer = AHEAD_KNOWN;
        questions[count++] = &ahead->session;
    }
    if (count == 0 || session_repo_get_all(batch->context->db, questions, count, batch->failure) == 0)
        return;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->session_answer == AHEAD_KNOWN) {
            batch->items[i]->session_answer = AHEAD_FAILED;
            batch->items[i]->failure = batch->failure;
        }
}

void ahead_find(const struct context *context, struct ahead *const *items, size_t count, struct err *failure)
{
    const struct batch batch = { .context = context, .items = items, .count = count, .failure = failure };
    find_tokens(&batch);
    for (size_t i = 0; i < count; i++)
        if (is_valid(items[i]))
            count_token(&batch, i);
    find_sessions(&batch);
}

void ahead_release(struct ahead *ahead)
{
    session_release(&ahead->session.session);
}

/* Given once. */
static enum ahead_answer tell(const struct ahead *ahead, enum ahead_answer *answer, struct err *err)
{
    enum ahead_answer told = *answer;
    *answer = AHEAD_UNKNOWN;
    if (told == AHEAD_FAILED)
        *err = *ahead->failure;
    return told;
}

enum ahead_answer ahead_token(struct ahead *ahead, const char *hash, struct token_question *question, struct err *err)
{
    if (!ahead || strcmp(ahead->hash, hash) != 0)
        return AHEAD_UNKNOWN;
    *question = ahead->who;
    return tell(ahead, &ahead->who_answer, err);
}

enum ahead_answer ahead_session(struct ahead *ahead, const char *owner, const char *id, struct session_question *question, struct err *err)
{
    bool same = ahead && ahead->session_answer != AHEAD_UNKNOWN && owner && strcmp(ahead->session.owner, owner) == 0 &&
                strcmp(ahead->session.id, id) == 0;
    if (!same)
        return AHEAD_UNKNOWN;
    enum ahead_answer answer = tell(ahead, &ahead->session_answer, err);
    if (answer == AHEAD_KNOWN) {
        *question = ahead->session;
        ahead->session.session = (struct session){ 0 };
    }
    return answer;
}

enum ahead_answer ahead_counted(struct ahead *ahead, const char *token_id, struct err *err)
{
    if (!ahead || ahead->count_answer == AHEAD_UNKNOWN || strcmp(ahead->who.match.caller.token_id, token_id) != 0)
        return AHEAD_UNKNOWN;
    return tell(ahead, &ahead->count_answer, err);
}
