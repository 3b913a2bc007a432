/* SPDX-License-Identifier: Apache-2.0 */
/* What containers use, as it was measured last. */
#ifndef SANDBOX_REPO_USAGE_REPO_H
#define SANDBOX_REPO_USAGE_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

/* A container that runs, with its last measurement; and the next one, to be filled in. */
struct usage_row {
    int64_t seq;
    char id[CONTAINER_ID_SIZE];
    int64_t before_cpu_ms; /* CPU time at the last measurement; 0 without one */
    int64_t elapsed_ms;    /* since then, or since its creation */
    int64_t cpu_time_ms;   /* used since its start */
    int64_t cpu_milli;     /* in use since the last measurement: thousandths of a CPU */
    int64_t memory_mb;
};
struct usage_list { struct usage_row *items; size_t count; };
void usage_list_release(struct usage_list *list);

/* Warm and running containers of the node: one of `slices` parts of them, `slice` counting from 0, and those that became ready within
 * the last seconds and were never measured. */
int usage_repo_due(struct db *db, const char *node_id, int64_t slice, int64_t slices, struct usage_list *out,
                   struct err *err) must_use;
/* Stores `count` measurements in one transaction, passing over rows that somebody else is changing. */
int usage_repo_store(struct db *db, const struct usage_row *rows, size_t count, struct err *err) must_use;

#endif
