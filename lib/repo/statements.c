/* SPDX-License-Identifier: Apache-2.0 */
/* The list of every repository's statements. */
#include "lib/repo/statements.h"

#include "lib/repo/rows.h"

const struct repo_statements repo_statement_tables[] = {
    { "audit_repo", audit_repo_statements },
    { "cancellation_repo", cancellation_repo_statements },
    { "clock_repo", clock_repo_statements },
    { "container_list", container_list_statements },
    { "container_repo", container_repo_statements }, { "engine_repo", engine_repo_statements },
    { "execution_repo", execution_repo_statements },
    { "dispatcher_repo", dispatcher_repo_statements }, { "execution_assign", execution_assign_statements },
    { "execution_claim", execution_claim_statements }, { "execution_queue", execution_queue_statements }, { "gauge_repo", gauge_repo_statements },
    { "idempotency_repo", idempotency_repo_statements }, { "image_repo", image_repo_statements },
    { "idle_repo", idle_repo_statements }, { "job_repo", job_repo_statements }, { "lock_repo", lock_repo_statements },
    { "migration_repo", migration_repo_statements }, { "node_repo", node_repo_statements }, { "room_repo", room_repo_statements },
    { "demand_repo", demand_repo_statements },
    { "owner_repo", owner_repo_statements }, { "pool_repo", pool_repo_statements },
    { "probe_repo", probe_repo_statements }, { "purge_repo", purge_repo_statements },
    { "question_repo", question_repo_statements }, { "rate_repo", rate_repo_statements },
    { "replacement_repo", replacement_repo_statements }, { "retention_repo", retention_repo_statements },
    { "session_repo", session_repo_statements },
    { "status_repo", status_repo_statements },
    { "template_repo", template_repo_statements }, { "token_repo", token_repo_statements },
    { "usage_repo", usage_repo_statements },
    { "workspace_repo", workspace_repo_statements }, { "workspace_rows", workspace_rows_statements },
    { "workspace_sync", workspace_sync_statements }, { "webhook_repo", webhook_repo_statements },
    { "webhook_outbox", webhook_outbox_statements },
};
const size_t repo_statement_table_count = sizeof(repo_statement_tables) / sizeof(repo_statement_tables[0]);
