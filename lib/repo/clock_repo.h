/* SPDX-License-Identifier: Apache-2.0 */
/* Rows whose times lie further ahead than anything puts them: the database's clock was set back. Left alone they would wait that long. */
#ifndef SANDBOX_REPO_CLOCK_REPO_H
#define SANDBOX_REPO_CLOCK_REPO_H

#include "lib/io/db.h"

/* Executions and containers that have a step to come (they are put off, or leased, for two minutes at most), and signs of life of nodes and jobs
 * (never ahead) get the time that it is now. Reads only where there is nothing to mend. At most `limit` of each. */
int clock_repo_mend(struct db *db, int64_t limit, uint64_t *mended_out, struct err *err) must_use;

/* What time it is for everybody, in milliseconds since 1970: a host's own clock may be wrong. Ages are better computed in the statement that
 * reads the row. */
int clock_repo_now(struct db *db, int64_t *now_ms_out, struct err *err) must_use;

#endif
