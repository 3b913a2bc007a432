/* SPDX-License-Identifier: Apache-2.0 */
/* Named locks of the database (GET_LOCK): who of several works. They belong to a connection and end with it. */
#ifndef SANDBOX_REPO_LOCK_REPO_H
#define SANDBOX_REPO_LOCK_REPO_H

#include "lib/io/db.h"

/* Takes the lock `name` ("reap", at most 15 bytes) of this database if it is free, without waiting; *held_out says whether this
 * connection has it, now or since an earlier call. Ask before each piece of work: a connection that was lost took it along. A holder that
 * says nothing for LOCK_SILENT_S loses its connection, so that a host which vanished without a word keeps nobody out. */
enum { LOCK_SILENT_S = 60 };
int lock_repo_take(struct db *db, const char *name, bool *held_out, struct err *err) must_use;

#endif
