/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/repo: the tables of statements, reading columns into entities, growing lists. */
#ifndef SANDBOX_REPO_ROWS_H
#define SANDBOX_REPO_ROWS_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* Each repository's statements, named by an enum beside them; the last has no sql. */
extern const struct db_stmt audit_repo_statements[], cancellation_repo_statements[], clock_repo_statements[], container_list_statements[], container_repo_statements[],
    dispatcher_repo_statements[], engine_repo_statements[],
    execution_assign_statements[], execution_claim_statements[], execution_queue_statements[], execution_repo_statements[], gauge_repo_statements[], idempotency_repo_statements[],
    idle_repo_statements[], image_repo_statements[], job_repo_statements[], lock_repo_statements[], migration_repo_statements[], node_repo_statements[], owner_repo_statements[],
    room_repo_statements[], demand_repo_statements[],
    pool_repo_statements[], probe_repo_statements[], purge_repo_statements[], push_repo_statements[], question_repo_statements[], rate_repo_statements[],
    replacement_repo_statements[], retention_repo_statements[],
    session_repo_statements[], status_repo_statements[], template_repo_statements[], token_repo_statements[], usage_repo_statements[], workspace_repo_statements[], workspace_rows_statements[],
    workspace_sync_statements[], webhook_repo_statements[], webhook_outbox_statements[];

#define SQL_NOW "UTC_TIMESTAMP(3)"
/* A DATETIME(3) in UTC as milliseconds since 1970. */
#define SQL_MS(column) "CAST(UNIX_TIMESTAMP(" column ") * 1000 AS SIGNED)"
/* Markers of a list that is asked for at once. */
#define SQL_4 "?, ?, ?, ?"
#define SQL_16 SQL_4 ", " SQL_4 ", " SQL_4 ", " SQL_4
/* Adds `text` to the `count` that are in a list already, unless it is there; how many there are then. */
size_t params_add(struct db_param *params, size_t count, const char *text) must_use;
/* Which of the sizes 1, 4 and 16 the list takes; its last fills what is left. */
size_t params_fill(struct db_param *params, size_t count) must_use;
/* Now plus a parameter of milliseconds. */
#define SQL_IN_MS "UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND"

/* Copies a text column into `out` ("" for NULL); what does not fit is an error of the schema. */
int row_text(const struct db_row *row, unsigned column, char *out, size_t size, struct err *err) must_use;
/* A status or type column by its parser. */
int row_enum(const struct db_row *row, unsigned column, int (*parse)(const char *), int *out,
             struct err *err) must_use;
/* Four columns from `column`: cpu_milli, memory_mb, disk_mb, max_processes. */
void row_resources(const struct db_row *row, unsigned column, struct resources *out);
/* Memory ran out while columns were copied. */
int row_no_memory(struct err *err);

/* A zeroed item at the end of a list, counted; NULL with err when memory runs out. */
void *list_add(void *items_ptr, size_t *count, size_t item_size, struct err *err) must_use;

/* Row functions for one number (int64_t *) and for a list of the first column's texts (struct string_list *). */
int take_int(void *arg, const struct db_row *row, struct err *err);
int take_string(void *arg, const struct db_row *row, struct err *err);
int take_seq(void *arg, const struct db_row *row, struct err *err);

/* "[1,2,3]" for JSON_TABLE, malloc()ed; NULL when memory runs out. */
char *seqs_to_json(const int64_t *seqs, size_t count) must_use;

#endif
