/* SPDX-License-Identifier: Apache-2.0 */
/* Into the container: what clients changed in a session's files since its container heard of it last. */
#ifndef SANDBOX_SERVICE_WORKSPACE_PUSH_H
#define SANDBOX_SERVICE_WORKSPACE_PUSH_H

#include "lib/repo/workspace_repo.h"
#include "lib/service/workspace_move.h"

/* Brings all that is pending at its beginning, the oldest change first, and records each batch, so that the next one goes on where this one
 * ends; other than MOVE_DONE with err. Repeatable. */
enum move_end workspace_push(struct workspace_move *move, struct err *err) must_use;

/* Its steps. One file, as the executor then has it: sets `source`. */
enum move_end push_file(struct workspace_move *move, struct workspace_file *file, struct err *err) must_use;
/* Up to 64 files and about 32 MiB; *left_out false: nothing was pending. What came before a failure is recorded. */
enum move_end push_batch(struct workspace_move *move, bool *left_out, struct err *err) must_use;

#endif
