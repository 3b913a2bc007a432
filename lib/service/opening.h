/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is ready opens its session: the one transaction of provisiond, or of the container that says so itself. */
#ifndef SANDBOX_SERVICE_OPENING_H
#define SANDBOX_SERVICE_OPENING_H

#include "lib/service/context.h"

struct opening {
    const char *container_id;
    const char *session_id; /* "": of the warm pool */
    const char *claimed_by; /* who has the step; NULL: whoever has it */
    bool opened;            /* it is ready, by this or before */
    uint64_t waiting;       /* executions that may run now */
};

/* For db_transaction(). Session and container turn running (or the container warm), the session's executions runnable. When the session
 * has ended the container is removed. ERR_CONFLICT: the container is to be removed. */
int opening_work(struct db *db, void *arg, struct err *err) must_use;

#endif
