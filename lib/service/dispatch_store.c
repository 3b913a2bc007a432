/* SPDX-License-Identifier: Apache-2.0 */
/* Storing verdicts: many in one commit, each by compare-and-set, so that storing one again does no harm. */
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "lib/repo/replacement_repo.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/dispatch_internal.h"
#include "lib/service/metrics.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum {
    BATCH_MAX = 64,                  /* verdicts of one transaction */
    BATCH_BYTES_MAX = 8 * 1024 * 1024, /* of outcome texts in one transaction */
    TRIES_MAX = 3,                   /* before an outcome that the database refuses is replaced */
};

struct batch {
    const char *claimed_by;
    struct flight *flights[BATCH_MAX];
    size_t count;
};

static size_t outcome_bytes(const struct execution_outcome *outcome)
{
    return outcome->stdout_len + outcome->stderr_len + (outcome->return_json ? strlen(outcome->return_json) : 0) +
           (outcome->artifacts_json ? strlen(outcome->artifacts_json) : 0);
}

/* The longest waiting first; one that failed before goes alone, so that it cannot hold up the others. */
static void gather(struct dispatch *dispatch, struct batch *batch)
{
    size_t bytes = 0;
    for (struct flight *flight = dispatch->ended.first; flight && batch->count < BATCH_MAX; flight = flight->next) {
        if (!flight_storable(flight))
            continue;
        bytes += outcome_bytes(&flight->verdict.outcome);
        if (batch->count > 0 && (bytes > BATCH_BYTES_MAX || flight->tries > 0))
            break;
        flight_trace_store(flight);
        batch->flights[batch->count++] = flight;
        if (flight->tries > 0)
            break;
    }
}

static int store_verdict(struct db *db, struct flight *flight, const char *claimed_by, struct err *err)
{
    const struct verdict *verdict = &flight->verdict;
    flight->overruled = false;
    if (verdict->pushed)
        return push_repo_let_go(db, flight->seq, claimed_by, flight->timeout_ms + EXECUTION_MARGIN_MS,
                                verdict->outcome.trace_json, &flight->changed, err);
    int result = verdict->again
        ? execution_repo_retry(db, flight->seq, claimed_by, verdict->delay_ms, &flight->changed, err)
        : execution_repo_finish(db, flight->seq, claimed_by, verdict->status, &verdict->outcome, &flight->changed, err);
    if (result != 0 || !flight->changed || !verdict->lost)
        return result;
    if (verdict->again && execution_repo_lost(db, flight->seq, verdict->outcome.error_message, err) != 0)
        return -1;
    if (cancellation_repo_overrule(db, flight->seq, &flight->overruled, err) != 0)
        return -1;
    return flight->overruled ? 0 : replacement_repo_explain_one(db, flight->seq, err);
}

static bool is_final(const struct flight *flight)
{
    return (!flight->verdict.again && !flight->verdict.pushed) || flight->overruled;
}

/* Of those that this transaction ends. */
static int add_webhooks(struct db *db, const struct batch *batch, struct err *err)
{
    int64_t seqs[BATCH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->flights[i]->calls_back && batch->flights[i]->changed && is_final(batch->flights[i]))
            seqs[count++] = batch->flights[i]->seq;
    return webhook_repo_add_executions(db, seqs, count, err);
}

/* Containers before executions: the order in which the end of a session locks them. */
static int store_work(struct db *db, void *arg, struct err *err)
{
    struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->flights[i]->verdict.suspect &&
            container_repo_suspect(db, batch->flights[i]->container_id, err) != 0)
            return -1;
    for (size_t i = 0; i < batch->count; i++)
        if (store_verdict(db, batch->flights[i], batch->claimed_by, err) != 0)
            return -1;
    if (add_webhooks(db, batch, err) != 0)
        return -1;
    FAILPOINT("dispatch.before-commit");
    return 0;
}

/* Whether the row is final and holds this flight's outcome, so far as can be known. */
static bool is_stored(struct dispatch *dispatch, const struct flight *flight)
{
    struct err ignored = ERR_INIT;
    struct execution execution = { 0 };
    if (flight->changed || !flight->uncertain)
        return flight->changed;
    bool final = execution_repo_get(dispatch->config.db, NULL, flight->id, EXECUTION_SUMMARY, &execution, &ignored) == 0 &&
                 execution_status_final(execution.status);
    execution_release(&execution);
    return final;
}

/* Whoever began to wait after the claim. */
static void ring_late_waiter(struct dispatch *dispatch, const struct flight *flight)
{
    char address[ADDRESS_SIZE] = "";
    struct err ignored = ERR_INIT;
    if (flight->late && execution_repo_notify(dispatch->config.db, flight->seq, address, &ignored) == 0)
        doorbell_ring(dispatch->config.doorbell, address, flight->id);
}

/* `changed` as store_work() left it, and as is_stored() sees it. */
static void count(struct dispatch *dispatch, const struct flight *flight, bool retried)
{
    struct metrics *metrics = dispatch->config.metrics;
    const struct verdict *verdict = &flight->verdict;
    enum execution_status status = flight->overruled ? EXECUTION_CANCELLED : verdict->status;
    if (retried)
        metrics_add(metrics, METRIC_EXECUTION_RETRIES, 0, 0, 1);
    if (flight->changed)
        metrics_execution_done(metrics, flight->language, status, &verdict->outcome);
    dispatch->done.retried += retried;
    dispatch->done.ended[status] += flight->changed;
}

/* After the commit: waiters first, for they are waiting. */
static void announce(struct dispatch *dispatch, struct batch *batch)
{
    bool suspects = false, webhooks = false;
    for (size_t i = 0; i < batch->count; i++) {
        struct flight *flight = batch->flights[i];
        suspects |= flight->verdict.suspect;
        bool retried = flight->verdict.again && flight->changed && !flight->overruled;
        flight->changed = is_final(flight) && is_stored(dispatch, flight);
        webhooks |= flight->changed && flight->calls_back;
        if (flight->changed)
            doorbell_ring(dispatch->config.doorbell, flight->notify, flight->id);
        count(dispatch, flight, retried);
    }
    if (webhooks)
        doorbell_ring(dispatch->config.doorbell, dispatch->config.settings->doorbell.webhookd, "webhook");
    if (suspects)
        doorbell_ring(dispatch->config.doorbell, dispatch->config.settings->doorbell.provisiond, "suspect");
    FAILPOINT("dispatch.rung");
    for (size_t i = 0; i < batch->count; i++) {
        struct flight *flight = batch->flights[i];
        if (flight->verdict.cancel || flight->overruled)
            flight_cancel(flight);
        else if (flight->changed)
            flight_ack(flight);
        if (flight->changed)
            ring_late_waiter(dispatch, flight);
        flight_free(flight);
    }
    FAILPOINT("dispatch.acknowledged");
    dispatch->look |= dispatch->crowded; /* slots of their sessions are free */
}

/* An outcome that the database will not take must not be tried for ever. */
static void replace_outcome(struct dispatch *dispatch, struct flight *flight, const struct err *err)
{
    dispatch->config.report(LOG_LEVEL_ERROR, "outcome cannot be stored, replaced", err, "execution_id", flight->id);
    verdict_release(&flight->verdict);
    flight->verdict.status = EXECUTION_FAILED;
    flight->verdict.outcome.error_kind = strdup("executor");
    flight->verdict.outcome.error_message = strdup("The execution ended, but its result could not be stored.");
}

static void note_failure(struct dispatch *dispatch, struct batch *batch, const struct err *err)
{
    bool away = err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT;
    for (size_t i = 0; i < batch->count; i++) {
        struct flight *flight = batch->flights[i];
        flight->uncertain |= err->code == ERR_UNCERTAIN;
        if (away || err->code == ERR_UNCERTAIN)
            continue;
        if (++flight->tries == TRIES_MAX)
            replace_outcome(dispatch, flight, err);
        if (batch->count == 1)
            flight_postpone(flight);
    }
}

/* One that only ends its own row is one statement, which is its own transaction. */
static bool is_single(const struct batch *batch)
{
    const struct flight *flight = batch->flights[0];
    const struct verdict *verdict = &flight->verdict;
    return batch->count == 1 && !verdict->lost && !verdict->suspect && !flight->calls_back;
}

static int store_batch(struct dispatch *dispatch, struct batch *batch, struct err *err)
{
    struct db *db = dispatch->config.db;
    if (!is_single(batch))
        return db_transaction(db, store_work, batch, err);
    FAILPOINT("dispatch.before-commit");
    return store_verdict(db, batch->flights[0], batch->claimed_by, err);
}

int dispatch_store(struct dispatch *dispatch, struct err *err)
{
    if (dispatch_seek_reasons(dispatch, err) != 0)
        return -1;
    for (;;) {
        struct batch batch = { .claimed_by = dispatch->config.claimed_by };
        gather(dispatch, &batch);
        if (batch.count == 0)
            return 0;
        int64_t began_us = clock_mono_us();
        if (store_batch(dispatch, &batch, err) != 0) {
            note_failure(dispatch, &batch, err);
            return -1;
        }
        metrics_observe(dispatch->config.metrics, METRIC_DISPATCH, METRIC_DISPATCH_STORE, 0, clock_mono_us() - began_us);
        FAILPOINT("dispatch.stored");
        announce(dispatch, &batch);
    }
}
