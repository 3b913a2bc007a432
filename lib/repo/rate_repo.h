/* SPDX-License-Identifier: Apache-2.0 */
/* Rates by the generic cell rate algorithm (ITU-T I.371): one number for each thing that is limited. By the database's clock. */
#ifndef SANDBOX_REPO_RATE_REPO_H
#define SANDBOX_REPO_RATE_REPO_H

#include "lib/io/db.h"

/* Takes one from `id` (at most 80 ASCII characters), which gains one every `every_us` and keeps at most `burst` (together at most two
 * minutes). *wait_us_out is 0 when
 * there was one to take, else how long until there is. One statement while there is; nothing is written to disk. Call it outside
 * transactions. The table is in memory: ERR_INTERNAL when it is full. */
int rate_repo_take(struct db *db, const char *id, int64_t every_us, int64_t burst, int64_t *wait_us_out,
                   struct err *err) must_use;
/* Takes `count` at once; *taken_out false: there were not so many, and none was taken. */
int rate_repo_take_all(struct db *db, const char *id, int64_t count, int64_t every_us, int64_t burst, bool *taken_out,
                       struct err *err) must_use;
/* Removes up to `limit` numbers that say nothing any longer; *removed_out is how many there were. */
int rate_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

#endif
