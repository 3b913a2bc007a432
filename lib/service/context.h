/* SPDX-License-Identifier: Apache-2.0 */
/* What a service works with: a connection, the settings, a doorbell to ring from. One a thread. */
#ifndef SANDBOX_SERVICE_CONTEXT_H
#define SANDBOX_SERVICE_CONTEXT_H

#include "lib/io/db.h"
#include "lib/service/settings.h"

struct context {
    struct db *db;
    const struct settings *settings;
    int doorbell;                      /* descriptor to ring from and to be woken on, or -1 */
    char doorbell_address[64];         /* where this thread is woken; "" for nowhere */
    int64_t (*now_ms)(void);           /* wall clock */
    void (*random_id)(char *out, size_t count); /* [a-z0-9] */
};

#endif
