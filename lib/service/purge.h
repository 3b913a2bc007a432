/* SPDX-License-Identifier: Apache-2.0 */
/* The retention of what is kept for days: files of ended sessions, objects that no file names any longer, the audit
 * trail, rows of executions, sessions and containers. */
#ifndef SANDBOX_SERVICE_PURGE_H
#define SANDBOX_SERVICE_PURGE_H

#include "lib/service/context.h"
#include "lib/service/report.h"

/* Whoever works long says so now and then: what `beat` returns other than 0 (with err) ends the pass. */
struct purge_watch {
    int (*beat)(void *arg, struct err *err);
    void *arg;
};

struct purge_done {
    int64_t sessions; /* whose files are gone now */
    int64_t objects;  /* deleted from storage */
    int64_t bytes;    /* of the sessions' files */
    int64_t audit;    /* entries */
    int64_t executions, session_rows, containers; /* rows */
    int64_t rows;     /* of other tables: beats of jobs, images of nodes, demand of templates that are gone */
    int64_t failures; /* deletions that storage refused; tried again after PURGE_RETRY_S */
};
enum { PURGE_RETRY_S = 30 };

/* One pass, as settings.retention says; needs context->storage. A session loses its index first and then its objects, so that no row ever
 * names what is not there; killed in between, it is gone on with. One that storage refuses holds up nobody: it is counted, the first of a
 * pass is reported. -1: the database, or `beat`, or storage that did not answer PURGE_AWAY times in a row; *done says what was done. */
enum { PURGE_AWAY = 3 };
int purge_pass(const struct context *context, const struct purge_watch *watch, report_fn report, struct purge_done *done,
               struct err *err) must_use;

#endif
