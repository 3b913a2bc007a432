/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a try to deliver a webhook. Pure. */
#ifndef SANDBOX_SERVICE_DELIVERY_RULES_H
#define SANDBOX_SERVICE_DELIVERY_RULES_H

#include <stdint.h>

#include "lib/repo/webhook_repo.h"

struct delivery_try {
    int64_t attempts;      /* this one included */
    int64_t age_ms;        /* since there is something to tell */
    int status;            /* of the answer; 0: none */
    int64_t retry_after_s; /* as the answer says; 0: it does not */
    const char *refused;   /* why no address was allowed; NULL: one was */
    const struct err *err; /* why there is no (complete) answer; NULL: there is */
    unsigned random;       /* for the jitter */
};

struct delivery_verdict {
    enum webhook_status status;
    int64_t due_in_ms; /* waiting only */
    char error[512];   /* "" for none */
};

void delivery_judge(const struct delivery_try *delivery_try, struct delivery_verdict *out);

#endif
