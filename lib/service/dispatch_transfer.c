/* SPDX-License-Identifier: Apache-2.0 */
/* Flights whose files are moved by a thread meanwhile: before they start, and before their result is stored. */
#include <errno.h>
#include <string.h>

#include "lib/service/dispatch_internal.h"

static void end_here(struct flight *flight)
{
    flight_join(&flight->dispatch->ended, flight);
}

/* What happened to its files decides; what the execution said stays. One that failed by itself keeps its reason. */
static void fail(struct flight *flight, enum execution_status status, const char *kind, const char *text, const char *more)
{
    struct verdict *verdict = &flight->verdict;
    struct execution_outcome *outcome = &verdict->outcome;
    cleanup_free char *before = outcome->error_message;
    bool failed = verdict->status != EXECUTION_COMPLETED && outcome->error_kind;
    struct strbuf message = STRBUF_INIT(4096);
    strbuf_addf(&message, "%.2000s%s%s%s%s", failed && before ? before : "", failed && before ? " " : "", text, more[0] ? " " : "", more);
    outcome->error_message = strbuf_steal(&message);
    if (failed)
        return;
    verdict->status = status;
    free(outcome->error_kind);
    outcome->error_kind = strdup(kind);
}

static int make_pool(struct dispatch *dispatch, struct err *err)
{
    const struct transfers_config config = { .settings = dispatch->config.settings, .report = dispatch->config.report,
                                             .metrics = dispatch->config.metrics };
    if (!dispatch->transfers)
        dispatch->transfers = transfers_new(&config, err);
    return dispatch->transfers ? 0 : -1;
}

static int submit(struct flight *flight, enum transfer_direction direction, struct err *err)
{
    struct dispatch *dispatch = flight->dispatch;
    cleanup_free struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return err_internal(err, ENOMEM, "moving files of execution %s", flight->id);
    transfer->direction = direction;
    transfer->execution_seq = flight->seq;
    transfer->arg = flight;
    memcpy(transfer->session_id, flight->session_id, sizeof(transfer->session_id));
    memcpy(transfer->execution_id, flight->id, sizeof(transfer->execution_id));
    memcpy(transfer->container_id, flight->container_id, sizeof(transfer->container_id));
    memcpy(transfer->secret, flight->secret, sizeof(transfer->secret));
    transfer->endpoint = flight->endpoint;
    if (make_pool(dispatch, err) != 0 || transfers_submit(dispatch->transfers, transfer, err) != 0)
        return -1;
    flight->transfer = steal(transfer);
    flight_join(&dispatch->moving, flight);
    return 0;
}

void flight_push(struct flight *flight, struct execution_claim *claim)
{
    struct err err = ERR_INIT;
    flight->claim = malloc(sizeof(*flight->claim));
    if (flight->claim) {
        *flight->claim = *claim;
        *claim = (struct execution_claim){ 0 };
    }
    if (flight->claim && submit(flight, TRANSFER_PUSH, &err) == 0)
        return;
    flight_lose(flight, EXEC_LOSS_BUSY, &err);
    end_here(flight);
}

void flight_pull(struct flight *flight)
{
    struct err err = ERR_INIT;
    if (submit(flight, TRANSFER_PULL, &err) == 0)
        return;
    flight->dispatch->config.report(LOG_LEVEL_ERROR, "files were not moved", &err, "execution_id", flight->id);
    fail(flight, EXECUTION_FAILED, "storage", "Its files could not be stored now.",
         "They are still in the sandbox, and will be stored with the next execution.");
    end_here(flight);
}

void flight_stop(struct flight *flight)
{
    flight->cancelled = true;
    transfers_abandon(flight->dispatch->transfers, flight->transfer);
}

/* It never started; that it was to be cancelled is in the database, and overrules this. */
static void give_up(struct flight *flight)
{
    flight->verdict = (struct verdict){ .status = EXECUTION_CRASHED, .lost = true };
    flight->verdict.outcome.error_kind = strdup("crashed");
    flight->verdict.outcome.error_message = strdup("It was given up before it started.");
    end_here(flight);
}

static void land_push(struct flight *flight, const struct transfer *transfer)
{
    struct execution_claim *claim = steal(flight->claim);
    if (flight->cancelled) {
        give_up(flight);
    } else if (transfer->end == MOVE_DONE) {
        trace_mark(flight->trace, TRACE_MOVED_IN);
        flight_send(flight, claim);
    } else if (transfer->end == MOVE_REFUSED || transfer->end == MOVE_STORAGE) {
        bool refused = transfer->end == MOVE_REFUSED;
        fail(flight, EXECUTION_FAILED, refused ? "workspace" : "storage",
             refused ? transfer->err.text : "The session's files could not be read from storage, so the code was not run.",
             refused ? "" : "Try again.");
        end_here(flight);
    } else {
        bool secret = transfer->end == MOVE_EXECUTOR && transfer->err.code == ERR_UNAUTHORIZED;
        bool ours = transfer->end == MOVE_BROKEN || transfer->end == MOVE_STOPPED;
        flight_lose(flight, secret ? EXEC_LOSS_UNAUTHORIZED : ours ? EXEC_LOSS_BUSY : EXEC_LOSS_UNREACHABLE, &transfer->err);
        end_here(flight);
    }
    execution_claim_release(claim);
    free(claim);
}

static void land_pull(struct flight *flight, struct transfer *transfer)
{
    static const char later[] = "They are still in the sandbox, and will be stored with the next execution.";
    struct execution_outcome *outcome = &flight->verdict.outcome;
    outcome->artifacts_json = steal(transfer->result.artifacts_json);
    outcome->artifacts_skipped = transfer->result.skipped;
    flight->mark = transfer->result.mark;
    trace_mark(flight->trace, TRACE_MOVED_OUT);
    switch (transfer->end) {
    case MOVE_DONE:
    case MOVE_BUSY:    /* who is writing those files will store them */
        break;
    case MOVE_FOREIGN: /* of a session that has ended, the row is final already */
        fail(flight, EXECUTION_FAILED, "storage", "The sandbox was lost before the execution's files were stored.", "");
        break;
    case MOVE_STOPPED:
        fail(flight, EXECUTION_CANCELLED, "cancelled", "The execution was cancelled while its files were being stored.", later);
        break;
    case MOVE_FULL:
        fail(flight, EXECUTION_FAILED, "disk_full", transfer->err.text,
             "What fitted is stored, the rest is still in the sandbox. Delete files to make room.");
        break;
    case MOVE_EXECUTOR:
        flight->verdict.suspect = true;
        fail(flight, EXECUTION_FAILED, "storage", "The sandbox did not answer when its files were to be stored.", "");
        break;
    default:
        fail(flight, EXECUTION_FAILED, "storage", "Its files could not be stored.", later);
        break;
    }
    end_here(flight);
}

void dispatch_land(struct dispatch *dispatch)
{
    struct transfer *transfer;
    while (dispatch->transfers && (transfer = transfers_take(dispatch->transfers))) {
        struct flight *flight = transfer->arg;
        flight_leave(&dispatch->moving, flight);
        flight->transfer = NULL;
        if (transfer->direction == TRANSFER_PUSH)
            land_push(flight, transfer);
        else
            land_pull(flight, transfer);
        transfer_free(transfer);
    }
}
