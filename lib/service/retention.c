/* SPDX-License-Identifier: Apache-2.0 */
/* Short-lived rows: which go, and how many at once. */
#include "lib/service/retention.h"

#include "lib/repo/cancellation_repo.h"
#include "lib/repo/idempotency_repo.h"
#include "lib/repo/question_repo.h"
#include "lib/repo/rate_repo.h"
#include "lib/util/failpoint.h"

enum { BATCH = 500, BATCHES = 20 };

static int purge_rates(const struct context *context, uint64_t *removed_out, struct err *err)
{
    return rate_repo_purge(context->db, BATCH, removed_out, err);
}

/* A note is of no use once its execution has ended. */
static int purge_cancellations(const struct context *context, uint64_t *removed_out, struct err *err)
{
    return cancellation_repo_tidy(context->db, BATCH, removed_out, err);
}

static int purge_keys(const struct context *context, uint64_t *removed_out, struct err *err)
{
    return idempotency_repo_purge(context->db, BATCH, removed_out, err);
}

/* Whoever asked is gone, or would have removed it. */
static int purge_questions(const struct context *context, uint64_t *removed_out, struct err *err)
{
    return question_repo_purge(context->db, BATCH, removed_out, err);
}

int retention_pass(const struct context *context, int64_t *rows, struct err *err)
{
    static int (*const purges[])(const struct context *, uint64_t *, struct err *) = {
        purge_rates, purge_cancellations, purge_keys, purge_questions,
    };
    FAILPOINT("reap.rows");
    for (size_t i = 0; i < sizeof(purges) / sizeof(purges[0]); i++) {
        uint64_t removed = BATCH;
        for (int batch = 0; batch < BATCHES && removed == BATCH; batch++) {
            if (purges[i](context, &removed, err) != 0)
                return -1;
            *rows += (int64_t)removed;
        }
    }
    return 0;
}
