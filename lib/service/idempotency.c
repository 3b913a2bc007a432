/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are claimed and answered in the transaction that does what was asked: either both are there or neither. */
#include "lib/service/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "lib/io/digest.h"
#include "lib/util/strbuf.h"

void idempotency_release(struct idempotency *once)
{
    free(steal(once->answer));
}

static bool key_valid(const char *key)
{
    size_t len = strlen(key);
    if (len == 0 || len > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (key[i] < ' ' || key[i] > '~')
            return false;
    return true;
}

int idempotency_init(struct idempotency *once, const char *key, const char *route, const void *body, size_t len,
                     struct err *err)
{
    size_t route_len = strlen(route);
    cleanup_strbuf struct strbuf text = STRBUF_INIT(route_len + 1 + len);
    if (!key)
        return 0;
    if (!key_valid(key))
        return err_field(err, "Idempotency-Key", "An Idempotency-Key is 1 to %d printable ASCII characters.",
                         IDEMPOTENCY_KEY_MAX);
    strbuf_add(&text, route, route_len);
    strbuf_add_char(&text, '\n');
    strbuf_add(&text, body, len);
    if (!strbuf_ok(&text))
        return err_internal(err, 0, "out of memory for a request's hash");
    once->key = key;
    return digest_sha256_hex(text.data, text.len, once->hash, err);
}

/* Takes over what was found. */
static int take(struct idempotency *once, struct idempotency_row *row, struct err *err)
{
    idempotency_release(once);
    once->replayed = row->found;
    if (!row->found)
        return 0;
    if (strcmp(row->hash, once->hash) != 0)
        return err_set(err, ERR_CONFLICT, "This Idempotency-Key was used for another request within the last 24 hours. "
                                          "Use a new key for a new request.");
    memcpy(once->resource_id, row->resource_id, sizeof(once->resource_id));
    once->answer = steal(row->answer);
    return once->answer ? 0 : err_internal(err, 0, "an idempotency key without an answer");
}

int idempotency_find(const struct context *context, const char *owner, struct idempotency *once, struct err *err)
{
    cleanup(idempotency_row_release) struct idempotency_row row = { 0 };
    if (!once || !once->key)
        return 0;
    if (idempotency_repo_find(context->db, owner, once->key, &row, err) != 0)
        return -1;
    return take(once, &row, err);
}

int idempotency_begin(const struct context *context, const char *owner, struct idempotency *once, struct err *err)
{
    cleanup(idempotency_row_release) struct idempotency_row row = { 0 };
    if (!once || !once->key)
        return 0;
    if (idempotency_repo_claim(context->db, owner, once->key, once->hash, &row, err) != 0)
        return -1;
    return take(once, &row, err);
}

int idempotency_end(const struct context *context, const char *owner, struct idempotency *once, const char *resource_id,
                    const void *made, struct err *err)
{
    if (!once || !once->key)
        return 0;
    cleanup_free char *answer = once->encode(once->arg, made);
    if (!answer)
        return err_internal(err, 0, "out of memory for an answer");
    return idempotency_repo_store(context->db, owner, once->key, resource_id, answer, err);
}

bool idempotency_replayed(const struct idempotency *once)
{
    return once && once->replayed;
}
