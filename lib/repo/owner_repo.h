/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, as far as they are counted: a row to lock, and what an owner has. */
#ifndef SANDBOX_REPO_OWNER_REPO_H
#define SANDBOX_REPO_OWNER_REPO_H

#include "lib/io/db.h"

/* Keeps others from counting what `owner` has until the running transaction ends. */
int owner_repo_lock(struct db *db, const char *owner, struct err *err) must_use;
/* How many sessions of `owner` are creating or running. Exact under owner_repo_lock(). */
int owner_repo_open_sessions(struct db *db, const char *owner, int64_t *out, struct err *err) must_use;

#endif
