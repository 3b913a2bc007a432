/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a purge pass that removes rows: executions, sessions, deleted containers, leavings. Needs no storage. */
#ifndef SANDBOX_SERVICE_PURGE_ROWS_H
#define SANDBOX_SERVICE_PURGE_ROWS_H

#include "lib/service/purge.h"

/* As settings.retention says, for PURGE_ROWS_MS at most: what is left is the next pass's. An execution never outlives its session, and a session
 * not its files. -1: the database, or `watch`; *done says what was done. */
enum { PURGE_ROWS_MS = 20000 };
int purge_old_rows(const struct context *context, const struct purge_watch *watch, struct purge_done *done, struct err *err) must_use;

#endif
