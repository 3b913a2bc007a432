/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/repo: containers as rows. */
#ifndef SANDBOX_REPO_CONTAINER_ROWS_H
#define SANDBOX_REPO_CONTAINER_ROWS_H

#include "lib/repo/rows.h"

#define CONTAINER_COLUMNS                                                                          \
    "c.id, c.node_id, c.runtime_type, c.template_id, c.session_id, c.status, c.secret, c.network_enabled, " \
    "c.cpu_milli, c.memory_mb, c.disk_mb, c.max_processes, c.attempts, c.image, c.languages, "     \
    "c.oci_runtime, c.error, " SQL_MS("c.created_at") ", " SQL_MS("c.ready_at") ", c.seq, "        \
    "c.read_only_root, " SQL_MS("c.ended_at") ", c.cpu_time_ms, c.cpu_used_milli, c.memory_used_mb, "  \
    SQL_MS("c.measured_at") ", " SQL_MS(SQL_NOW) ", " SQL_MS("c.pulled_at") ", " SQL_MS("c.busy_since") ", c.preload_json"
enum { CONTAINER_SEQ_COLUMN = 19 };

/* Row function that appends to a struct container_list. */
int take_container(void *arg, const struct db_row *row, struct err *err);
/* Hands over the first container of a list. */
void container_list_steal_first(struct container_list *list, struct container *out);

#endif
