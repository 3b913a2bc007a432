/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling, under the lock of the execution's row: it is claimed, and ends, either before or after. */
#include "lib/service/cancelling.h"

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/audit.h"
#include "lib/service/metrics.h"

struct cancelling {
    const struct context *context;
    const char *owner, *id;
    struct execution execution;
    bool ended; /* just now, by us */
};

int execution_service_check_cancelled(const struct execution *execution, struct err *err)
{
    if (!execution_status_final(execution->status) || execution->status == EXECUTION_CANCELLED)
        return 0;
    return err_set(err, ERR_CONFLICT, "Execution '%s' cannot be cancelled: it has ended already as %s.", execution->id,
                   execution_status_name(execution->status));
}

static int cancel_work(struct db *db, void *arg, struct err *err)
{
    struct cancelling *cancelling = arg;
    struct execution *execution = &cancelling->execution;
    execution_release(execution);
    cancelling->ended = false;
    if (execution_repo_lock(db, cancelling->owner, cancelling->id, execution, err) != 0 ||
        execution_service_check_cancelled(execution, err) != 0)
        return -1;
    if (execution->status != EXECUTION_CANCELLED &&
        audit_note(cancelling->context, "cancel", "execution", execution->id, err, "%s, of session %s",
                   execution_status_name(execution->status), execution->session_id) != 0)
        return -1;
    if (execution->status == EXECUTION_RUNNING)
        return cancellation_repo_ask(db, execution->seq, err);
    if (execution->status == EXECUTION_PENDING &&
        cancellation_repo_end_pending(db, execution->seq, &cancelling->ended, err) != 0)
        return -1;
    execution->status = EXECUTION_CANCELLED;
    return cancelling->ended && execution->callback_url ? webhook_repo_add_executions(db, &execution->seq, 1, err) : 0;
}

int execution_service_cancel(const struct context *context, const char *owner, const char *id, struct execution *out,
                             struct err *err)
{
    struct cancelling cancelling = { .context = context, .owner = owner, .id = id };
    if (db_transaction(context->db, cancel_work, &cancelling, err) != 0) {
        execution_release(&cancelling.execution);
        return -1;
    }
    const struct execution *execution = &cancelling.execution;
    if (cancelling.ended) {
        metrics_executions_ended(context->metrics, execution->language, EXECUTION_CANCELLED, 1);
        doorbell_ring(context->doorbell, execution->notify, execution->id);
        if (execution->callback_url)
            doorbell_ring(context->doorbell, context->settings->doorbell.webhookd, execution->id);
    } else if (execution->status == EXECUTION_RUNNING) {
        doorbell_ring(context->doorbell, context->settings->doorbell.dispatchd, "cancel");
    }
    *out = cancelling.execution;
    return 0;
}
