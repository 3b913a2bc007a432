/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log for a client: asked of its node through the database, so that nobody here touches an engine. */
#ifndef SANDBOX_SERVICE_CONTAINER_LOGS_H
#define SANDBOX_SERVICE_CONTAINER_LOGS_H

#include "lib/service/waiting.h"
#include "lib/util/strbuf.h"

enum { CONTAINER_LOGS_TAIL_DEFAULT = 100, CONTAINER_LOGS_TAIL_MAX = 10000, CONTAINER_LOGS_WAIT_MS = 10000 };

struct container_logs_request {
    const char *owner;        /* NULL: whoever's, and warm ones */
    const char *container_id;
    int64_t tail;             /* lines */
    int64_t since_ms;         /* 0 or less: all */
};

/* Appends lines of text, perhaps none. ERR_CONTAINER_NOT_FOUND: there is none, it is somebody else's, or deleted. ERR_UNAVAILABLE:
 * its node gave no answer until `wait` was over, or could not. */
int container_logs_fetch(const struct context *context, const struct wait *wait,
                         const struct container_logs_request *request, struct strbuf *out, struct err *err) must_use;

#endif
