/* SPDX-License-Identifier: Apache-2.0 */
/* The last token that was let in, as a note in the shared metrics. */
#include "lib/service/recall.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/service/digest.h"
#include "lib/util/metrics.h"

enum { WHEN = DIGEST_SIZE / sizeof(uint64_t) }; /* the word after the hash: seconds since 1970 */
_Static_assert(WHEN + 1 == METRICS_NOTE_WORDS, "a hash and a time");

/* A note whose hash is half one token's and half another's is that of no token. */
static bool hash_token(const char *token, uint64_t words[METRICS_NOTE_WORDS])
{
    unsigned char hash[DIGEST_SIZE];
    struct err ignored = ERR_INIT;
    if (digest_sha256(token, strlen(token), hash, &ignored) != 0)
        return false;
    memcpy(words, hash, sizeof(hash));
    return true;
}

void recall_keep(const struct context *context, const char *token)
{
    uint64_t words[METRICS_NOTE_WORDS];
    if (!hash_token(token, words))
        return;
    words[WHEN] = (uint64_t)(context->now_ms() / 1000);
    metrics_note(context->metrics, words);
}

static bool is_kept(const struct context *context, const char *token, uint64_t kept[METRICS_NOTE_WORDS])
{
    uint64_t words[METRICS_NOTE_WORDS];
    return hash_token(token, words) && metrics_noted(context->metrics, kept) &&
           CRYPTO_memcmp(words, kept, DIGEST_SIZE) == 0;
}

void recall_drop(const struct context *context, const char *token)
{
    uint64_t kept[METRICS_NOTE_WORDS];
    static const uint64_t nobody[METRICS_NOTE_WORDS];
    if (is_kept(context, token, kept))
        metrics_note(context->metrics, nobody);
}

bool recall_admits(const struct context *context, const char *token)
{
    uint64_t kept[METRICS_NOTE_WORDS];
    if (!is_kept(context, token, kept))
        return false;
    int64_t age = context->now_ms() / 1000 - (int64_t)kept[WHEN];
    return age >= 0 && age <= RECALL_S;
}
