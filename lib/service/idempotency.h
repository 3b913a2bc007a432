/* SPDX-License-Identifier: Apache-2.0 */
/* A request that may be sent again: the same key and request of an owner within 24 hours give the first answer. */
#ifndef SANDBOX_SERVICE_IDEMPOTENCY_H
#define SANDBOX_SERVICE_IDEMPOTENCY_H

#include "lib/repo/idempotency_repo.h"
#include "lib/service/context.h"

enum { IDEMPOTENCY_KEY_MAX = 255 };

struct idempotency {
    const char *key;                  /* borrowed; NULL: the request names none, and nothing here does anything */
    char hash[IDEMPOTENCY_HASH_SIZE]; /* of the request */
    /* The answer about what was made, as malloc()ed JSON text; NULL when memory runs out. */
    char *(*encode)(const void *arg, const void *made);
    const void *arg;

    bool replayed; /* it was done before: resource_id and answer are what came of it then */
    char resource_id[IDEMPOTENCY_ID_SIZE];
    char *answer; /* owned */
};
void idempotency_release(struct idempotency *once);

/* Fills key and hash. `key` is 1 to 255 printable ASCII characters, else ERR_INVALID about the field "Idempotency-Key"; NULL for
 * none. `route` is "POST /api/v1/sessions". */
int idempotency_init(struct idempotency *once, const char *key, const char *route, const void *body, size_t len,
                     struct err *err) must_use;

/* The three steps of a service that makes something; each does nothing without a key (and `once` may be NULL).
 * Before the transaction: whether it was done. ERR_CONFLICT: the key was used for another request. */
int idempotency_find(const struct context *context, const char *owner, struct idempotency *once,
                     struct err *err) must_use;
/* First in the transaction: the same, and nobody else does it until the transaction ends. Then `replayed` means: make nothing. */
int idempotency_begin(const struct context *context, const char *owner, struct idempotency *once,
                      struct err *err) must_use;
/* Last in the transaction: keeps the answer about `made`. */
int idempotency_end(const struct context *context, const char *owner, struct idempotency *once, const char *resource_id,
                    const void *made, struct err *err) must_use;
/* Whether `once` (or NULL) was done before. */
bool idempotency_replayed(const struct idempotency *once);

#endif
