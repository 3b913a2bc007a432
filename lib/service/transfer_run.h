/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer from start to end, in a thread of its own: tried again where that may help, counted, and said if it was slow. */
#ifndef SANDBOX_SERVICE_TRANSFER_RUN_H
#define SANDBOX_SERVICE_TRANSFER_RUN_H

#include "lib/service/transfers.h"

/* What a thread keeps from one transfer to the next; the first part is borrowed. */
struct transfer_tools {
    const struct settings *settings;
    report_fn report;
    struct metrics *metrics;
    int stop; /* readable: end soon */
    bool (*stopped)(void *arg);
    void *arg;

    struct db *db;
    struct http *http;
    struct storage *storage;
};
void transfer_tools_release(struct transfer_tools *tools);

/* Sets end, err and result. The database is waited for as long as it takes, storage and executor for 1, 2 and 4 s. */
void transfer_run(struct transfer_tools *tools, struct transfer *transfer);

#endif
