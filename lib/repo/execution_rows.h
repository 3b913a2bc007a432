/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/repo: executions as rows. */
#ifndef SANDBOX_REPO_EXECUTION_ROWS_H
#define SANDBOX_REPO_EXECUTION_ROWS_H

#include "lib/repo/rows.h"
#include "lib/util/strbuf.h"

#define EXECUTION_COLUMNS                                                                          \
    "e.id, e.session_id, e.owner, e.status, e.language, e.seq, e.timeout_s, e.max_retries, e.attempts, " \
    "e.runnable, e.notify, " SQL_MS("e.created_at") ", " SQL_MS("e.started_at") ", "               \
    SQL_MS("e.completed_at") ", e.callback_url, IF(e.status = 'pending' AND e.attempts > 0, " SQL_MS("e.due_at") ", NULL), "    \
    "IF(e.status IN ('pending', 'running'), e.error_message, NULL)"
#define EXECUTION_CODE_COLUMNS ", e.code, e.event_json, e.env_json, e.trace_json"
enum { EXECUTION_FIRST_EXTRA = 17, EXECUTION_CODE_COUNT = 4 };

/* Where an execution `q` is to run: of its session and that one's container, on one of the nodes that nodes_param() names, twice. */
#define PLACE(q) q ".session_id, c.id, c.secret, s.env_json, s.cpu_milli, s.memory_mb, s.disk_mb, s.max_processes,"           \
    " s.workspace_seq <> c.workspace_seq, c.node_id"
#define PLACED(q)                                                                                  \
    " STRAIGHT_JOIN sessions s FORCE INDEX (id) ON s.id = " q ".session_id AND s.status = 'running'"   \
    " STRAIGHT_JOIN containers c FORCE INDEX (id) ON c.id = s.container_id AND c.status = 'running'"   \
    " AND (? IS NULL OR LOCATE(CONCAT(CHAR(10), c.node_id, CHAR(10)), ?) > 0)"
enum { PLACE_COLUMNS = 10, NODES_TEXT_MAX = 1024 * 1024 };
struct db_param nodes_param(const struct string_list *nodes, struct strbuf *text); /* of NODES_TEXT_MAX; NULL: any */

/* What makes a row final; its parameters first. Artifacts that were reported before stay when the outcome names none, and so
 * do moments. */
#define EXECUTION_FINISH                                                                           \
    "status = ?, claimed_by = NULL, completed_at = " SQL_NOW ", stdout_text = ?, stderr_text = ?," \
    " stdout_truncated = ?, stderr_truncated = ?, exit_code = ?, return_json = ?, error_kind = ?, error_message = ?," \
    " duration_ms = ?, cpu_time_ms = ?, peak_memory_mb = ?, artifacts_json = IFNULL(?, artifacts_json)," \
    " artifacts_skipped = ?, trace_json = IFNULL(?, trace_json)"
enum { EXECUTION_FINISH_PARAMS = 15 };
void finish_params(enum execution_status status, const struct execution_outcome *outcome,
                   struct db_param out[EXECUTION_FINISH_PARAMS]);

/* The columns of EXECUTION_COLUMNS. */
int read_execution(struct execution *out, const struct db_row *row, struct err *err) must_use;
/* The columns of EXECUTION_CODE_COLUMNS, from `column`. */
int read_execution_code(struct execution *out, const struct db_row *row, unsigned column,
                        struct err *err) must_use;
/* The columns of PLACE, from `column`. */
int read_place(struct execution_claim *out, const struct db_row *row, unsigned column, struct err *err) must_use;

#endif
