/* SPDX-License-Identifier: Apache-2.0 */
/* Out of the container: what became of a session's files while an execution ran, and since, into storage and the index. */
#ifndef SANDBOX_SERVICE_WORKSPACE_PULL_H
#define SANDBOX_SERVICE_WORKSPACE_PULL_H

#include "lib/service/pull_list.h"

/* What came of it. */
struct pull_result {
    char *artifacts_json; /* [{path, size, mime_type, sha256}] by path, or NULL */
    int64_t skipped;      /* files that are not listed there: their names cannot be stored, or they are too many */
    int64_t mark;         /* that changes are stored up to; -1: nothing may be said of that */
};
void pull_result_release(struct pull_result *result);

/* Takes over all changes; each batch is recorded, so that the next one goes on where this one ends, and fetches nothing twice.
 * MOVE_DONE, MOVE_BUSY and MOVE_FULL fill `out`; other than MOVE_DONE with err. Repeatable. */
enum move_end workspace_pull(struct workspace_move *move, struct pull_result *out, struct err *err) must_use;

/* Its steps. Fetches one file into a new object, whole and in the version that was listed, and fills `out`, ready to be recorded. MOVE_BUSY: it
 * is not in that version any more. */
enum move_end pull_file(struct workspace_move *move, const struct pull_item *item, struct workspace_file *out, struct err *err) must_use;
/* Fetches what is PULL_NEW and records it in batches. MOVE_BUSY: some are PULL_CHANGED now, all others are stored. */
enum move_end pull_files(struct workspace_move *move, struct pull_list *list, int64_t bytes_max, struct err *err) must_use;
/* The artifacts of a list that was pulled. */
enum move_end pull_artifacts(struct workspace_move *move, struct pull_list *list, struct pull_result *out, struct err *err) must_use;

#endif
