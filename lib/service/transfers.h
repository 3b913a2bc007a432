/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that move files between sandboxes and storage, for a loop that must not wait. They begin with the first transfer; each has its
 * own connections. Two transfers of one container never run at once. What is called here is called from one thread. */
#ifndef SANDBOX_SERVICE_TRANSFERS_H
#define SANDBOX_SERVICE_TRANSFERS_H

#include <stdatomic.h>

#include "lib/model/entities.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"
#include "lib/service/workspace_pull.h"
#include "lib/util/metrics.h"

enum transfer_direction { TRANSFER_PUSH, TRANSFER_PULL, TRANSFER_DIRECTIONS };

/* One transfer: the first part is the caller's, until it is taken back the rest is not. */
struct transfer {
    enum transfer_direction direction;
    char session_id[SESSION_ID_SIZE];
    char execution_id[EXECUTION_ID_SIZE];
    char container_id[CONTAINER_ID_SIZE];
    char secret[CONTAINER_SECRET_SIZE];
    struct runtime_endpoint endpoint;
    int64_t execution_seq;
    void *arg;

    enum move_end end; /* why it ended; other than MOVE_DONE with err */
    struct err err;
    struct pull_result result; /* of a pull */

    struct transfer *next;
    struct transfer_thread *thread; /* whose it is now */
    atomic_bool abandoned;
};
void transfer_free(struct transfer *transfer); /* NULL is fine; not while it is under way */

/* Borrowed for the life of the pool; `report` and `metrics` (may be NULL) are used by several threads. */
struct transfers_config {
    const struct settings *settings;
    report_fn report;
    struct metrics *metrics;
};
struct transfers;

/* NULL with err. */
struct transfers *transfers_new(const struct transfers_config *config, struct err *err) must_use;
/* Stops what is under way between two pieces; transfers that were not taken back are the caller's again. NULL is fine. */
void transfers_free(struct transfers *transfers);
/* Readable when one has ended. */
int transfers_fd(const struct transfers *transfers);
/* Queues it; it stays the caller's to free, after transfers_take() gave it back. -1: no thread could be started, it was not queued. */
int transfers_submit(struct transfers *transfers, struct transfer *transfer, struct err *err) must_use;
/* Ends it soon, as MOVE_STOPPED. */
void transfers_abandon(struct transfers *transfers, struct transfer *transfer);
/* One that has ended; NULL: none. */
struct transfer *transfers_take(struct transfers *transfers);

#endif
