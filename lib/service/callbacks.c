/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of executors, each under the lock of the execution's row; doorbells ring after the commit. */
#include "lib/service/callbacks.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/metrics.h"
#include "lib/service/opening.h"
#include "lib/service/replacing.h"

enum { PREFIX = 8 };

int callback_admit(const struct context *context, const char *secret, struct caller *out, struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    char prefix[PREFIX + 1] = "";
    if (strlen(secret) == CONTAINER_SECRET_HEX && strspn(secret, "0123456789abcdef") == CONTAINER_SECRET_HEX) {
        memcpy(prefix, secret, PREFIX);
        if (push_repo_callers(context->db, prefix, &found, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < found.count; i++) {
        const struct container *container = &found.items[i];
        if (CRYPTO_memcmp(container->secret, secret, CONTAINER_SECRET_HEX) != 0)
            continue;
        *out = (struct caller){ 0 };
        memcpy(out->container_id, container->id, sizeof(out->container_id));
        memcpy(out->session_id, container->session_id, sizeof(out->session_id));
        return 0;
    }
    return err_set(err, ERR_UNAUTHORIZED, "This is not the secret of a container.");
}

/* One report about an execution, handed through its transaction. */
struct report {
    const struct context *context;
    const struct caller *caller;
    const char *id;
    int (*work)(struct db *db, struct report *report, struct err *err); /* the row is locked, and not final */
    struct execution execution;
    struct callback_result *result;
    const char *artifacts_json;
    bool stop;
};

static void report_release(struct report *report)
{
    execution_release(&report->execution);
}

static int lock(struct db *db, struct report *report, struct err *err)
{
    struct execution *execution = &report->execution;
    execution_release(execution);
    int status = execution_repo_lock(db, NULL, report->id, execution, err);
    if (status != 0 && err->code != ERR_EXECUTION_NOT_FOUND)
        return -1;
    if (status != 0 || strcmp(execution->session_id, report->caller->session_id) != 0)
        return err_set(err, ERR_EXECUTION_NOT_FOUND, "Execution '%.80s' is none of this container's session.", report->id);
    if (execution_status_final(execution->status))
        return err_set(err, ERR_CONFLICT, "Execution '%s' has ended already as %s.", execution->id,
                       execution_status_name(execution->status));
    if (execution->attempts == 0)
        return err_set(err, ERR_CONFLICT, "Execution '%s' was not sent to an executor yet.", execution->id);
    return 0;
}

static int report_work(struct db *db, void *arg, struct err *err)
{
    struct report *report = arg;
    return lock(db, report, err) != 0 ? -1 : report->work(db, report, err);
}

static int running_work(struct db *db, struct report *report, struct err *err)
{
    return push_repo_running(db, report->execution.seq, err);
}

int callback_running(const struct context *context, const struct caller *caller, const char *id, struct err *err)
{
    cleanup(report_release) struct report report = { .context = context, .caller = caller, .id = id, .work = running_work };
    return db_transaction(context->db, report_work, &report, err);
}

static int heartbeat_work(struct db *db, struct report *report, struct err *err)
{
    if (push_repo_asked_to_stop(db, report->execution.seq, &report->stop, err) != 0)
        return -1;
    return push_repo_beat(db, report->execution.seq, err);
}

int callback_heartbeat(const struct context *context, const struct caller *caller, const char *id, bool *go_on_out,
                       struct err *err)
{
    cleanup(report_release) struct report report = { .context = context, .caller = caller, .id = id, .work = heartbeat_work };
    int status = db_transaction(context->db, report_work, &report, err);
    *go_on_out = !report.stop;
    return status;
}

static int artifacts_work(struct db *db, struct report *report, struct err *err)
{
    return push_repo_artifacts(db, report->execution.seq, report->artifacts_json, err);
}

int callback_artifacts(const struct context *context, const struct caller *caller, const char *id,
                       const char *artifacts_json, struct err *err)
{
    cleanup(report_release) struct report report = { .context = context, .caller = caller, .id = id, .work = artifacts_work,
                             .artifacts_json = artifacts_json };
    return db_transaction(context->db, report_work, &report, err);
}

/* "container:a1b2c3d4e5f6": whose idempotency keys they are; their hash holds the route, which no token may call. */
static void key_owner(const struct caller *caller, char out[OWNER_SIZE])
{
    snprintf(out, OWNER_SIZE, "container:%s", caller->container_id);
}

static int store_result(struct db *db, struct report *report, struct err *err)
{
    struct callback_result *result = report->result;
    int64_t seq = report->execution.seq;
    bool changed = false, overruled = false;
    if (push_repo_finish(db, seq, result->status, &result->outcome, &changed, err) != 0)
        return -1;
    if (!changed)
        return err_internal(err, 0, "execution %s changed under its lock", report->id);
    if (result->status == EXECUTION_CRASHED && cancellation_repo_overrule(db, seq, &overruled, err) != 0)
        return -1;
    if (overruled)
        result->status = EXECUTION_CANCELLED;
    return report->execution.callback_url ? webhook_repo_add_executions(db, &seq, 1, err) : 0;
}

static int result_work(struct db *db, void *arg, struct err *err)
{
    struct report *report = arg;
    struct callback_result *result = report->result;
    enum execution_status asked = result->status;
    char owner[OWNER_SIZE];
    key_owner(report->caller, owner);
    if (idempotency_begin(report->context, owner, result->once, err) != 0)
        return -1;
    if (idempotency_replayed(result->once))
        return 0;
    if (lock(db, report, err) != 0)
        return -1;
    if (store_result(db, report, err) == 0 &&
        idempotency_end(report->context, owner, result->once, report->execution.id, &result->status, err) == 0)
        return 0;
    result->status = asked; /* for the transaction's next try */
    return -1;
}

int callback_result(const struct context *context, const struct caller *caller, const char *id,
                    struct callback_result *result, struct err *err)
{
    cleanup(report_release) struct report report = { .context = context, .caller = caller, .id = id, .result = result };
    if (db_transaction(context->db, result_work, &report, err) != 0)
        return -1;
    if (idempotency_replayed(result->once))
        return 0;
    metrics_execution_done(context->metrics, report.execution.language, result->status, &result->outcome);
    doorbell_ring(context->doorbell, report.execution.notify, report.execution.id);
    if (report.execution.callback_url)
        doorbell_ring(context->doorbell, context->settings->doorbell.webhookd, report.execution.id);
    doorbell_ring(context->doorbell, context->settings->doorbell.dispatchd, "free"); /* its place */
    return 0;
}

static int check_session(const struct caller *caller, const char *session_id, struct err *err)
{
    if (strcmp(caller->session_id, session_id) == 0)
        return 0;
    return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.80s' is not this container's.", session_id);
}

int callback_ready(const struct context *context, const struct caller *caller, const char *session_id, struct err *err)
{
    struct opening opening = { .container_id = caller->container_id, .session_id = session_id };
    if (check_session(caller, session_id, err) != 0 || db_transaction(context->db, opening_work, &opening, err) != 0)
        return -1;
    if (!opening.opened)
        return err_set(err, ERR_CONFLICT, "Session '%s' has ended.", session_id);
    if (opening.waiting > 0)
        doorbell_ring(context->doorbell, context->settings->doorbell.dispatchd, session_id);
    return 0;
}

int callback_exited(const struct context *context, const struct caller *caller, const char *session_id, const char *reason,
                    enum session_status *out, struct err *err)
{
    const struct death death = { .session_id = session_id, .container_id = caller->container_id, .reason = reason };
    cleanup(session_release) struct session session = { 0 };
    enum death_outcome outcome;
    if (check_session(caller, session_id, err) != 0 || session_service_replace(context, &death, &outcome, err) != 0 ||
        session_repo_get(context->db, NULL, session_id, &session, err) != 0)
        return -1;
    *out = session.status;
    return 0;
}
