/* SPDX-License-Identifier: Apache-2.0 */
/* Executions under way: starting them, and turning what the executor says into a verdict. */
#include <errno.h>
#include <string.h>

#include "lib/service/dispatch_internal.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

void flight_join(struct flight_list *list, struct flight *flight)
{
    flight->previous = list->last;
    flight->next = NULL;
    if (list->last)
        list->last->next = flight;
    else
        list->first = flight;
    list->last = flight;
    list->count++;
}

void flight_leave(struct flight_list *list, struct flight *flight)
{
    if (flight->previous)
        flight->previous->next = flight->next;
    else
        list->first = flight->next;
    if (flight->next)
        flight->next->previous = flight->previous;
    else
        list->last = flight->previous;
    list->count--;
}

static struct flight **bucket(const struct dispatch *dispatch, int64_t seq)
{
    return &dispatch->table[(size_t)seq & dispatch->table_mask];
}

struct flight *flight_find(const struct dispatch *dispatch, int64_t seq)
{
    struct flight *flight = *bucket(dispatch, seq);
    while (flight && flight->seq != seq)
        flight = flight->bucket_next;
    return flight;
}

void flight_free(struct flight *flight)
{
    struct dispatch *dispatch = flight->dispatch;
    struct flight **link = bucket(dispatch, flight->seq);
    while (*link != flight)
        link = &(*link)->bucket_next;
    *link = flight->bucket_next;
    flight_leave(flight->run ? &dispatch->running : flight->transfer ? &dispatch->moving : &dispatch->ended, flight);
    execclient_drop(dispatch->http, flight->run);
    transfer_free(flight->transfer);
    if (flight->claim)
        execution_claim_release(flight->claim);
    free(flight->claim);
    verdict_release(&flight->verdict);
    free(flight->trace);
    free(flight);
}

void flight_postpone(struct flight *flight)
{
    flight_leave(&flight->dispatch->ended, flight);
    flight_join(&flight->dispatch->ended, flight);
}

/* Its verdict is made: it waits to be stored. */
static void end_flight(struct flight *flight)
{
    flight_leave(&flight->dispatch->running, flight);
    flight_join(&flight->dispatch->ended, flight);
    flight->run = NULL;
}

void flight_lose(struct flight *flight, enum exec_loss loss, const struct err *err)
{
    trace_mark(flight->trace, TRACE_ANSWERED);
    verdict_of_loss(loss, err, flight->attempts, flight->max_retries, &flight->verdict);
    bool again = flight->verdict.again;
    flight->dispatch->config.report(again ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                                    again ? "execution lost, will be retried" : "execution lost", err, "execution_id",
                                    flight->id);
}

static void on_answer(void *arg, struct exec_answer *answer)
{
    struct flight *flight = arg;
    FAILPOINT("dispatch.answered");
    flight_trace_answer(flight, &answer->result);
    verdict_of_answer(answer, &flight->verdict);
    if (!answer->result.touched) {
        end_flight(flight);
        return;
    }
    flight_leave(&flight->dispatch->running, flight);
    flight->run = NULL;
    flight_pull(flight);
}

static void on_lost(void *arg, enum exec_loss loss, const struct err *err)
{
    struct flight *flight = arg;
    flight_lose(flight, loss, err);
    end_flight(flight);
}

static void on_accepted(void *arg)
{
    struct flight *flight = arg;
    flight->verdict.pushed = true;
    end_flight(flight);
}

static const struct exec_handlers handlers = { .on_answer = on_answer, .on_lost = on_lost, .on_accepted = on_accepted };

static struct exec_target aim(const struct flight *flight)
{
    return (struct exec_target){ .unix_path = flight->endpoint.unix_path, .url = flight->endpoint.url, .secret = flight->secret };
}

static int send(struct flight *flight, const struct execution_claim *claim, struct err *err)
{
    const struct execution *execution = &claim->execution;
    const struct exec_target target = aim(flight);
    cleanup_free char *env_json = NULL;
    if (outcome_merge_env(claim->session_env_json, execution->env_json, &env_json, err) != 0)
        return -1;
    const struct wire_execute request = {
        .execution_id = flight->id,
        .code = execution->code,
        .language = execution->language,
        .event_json = execution->event_json,
        .env_json = env_json,
        .timeout_ms = execution->timeout_s * 1000,
        .memory_mb = claim->resources.memory_mb,
        .disk_mb = claim->resources.disk_mb,
        .max_processes = claim->resources.max_processes,
    };
    return execclient_start(flight->dispatch->http, &target, &request, &handlers, flight, &flight->run, err);
}

/* Why there is no stream: the executor pushes and was not heard of, or it could not be sent. */
static enum exec_loss loss_at_start(const struct execution_claim *claim, struct err *problem)
{
    if (claim->lost) {
        err_set(problem, ERR_UNAVAILABLE, "Its sandbox was replaced.");
        return EXEC_LOSS_BROKEN;
    }
    if (claim->silent) {
        err_set(problem, ERR_TIMEOUT, "Its executor did not report for %d s.", EXECUTION_LEASE_MS / 1000);
        return claim->overdue ? EXEC_LOSS_OVERDUE : EXEC_LOSS_BROKEN;
    }
    bool ours = problem->code == ERR_INTERNAL || problem->code == ERR_UNAVAILABLE; /* may go better next time */
    return ours ? EXEC_LOSS_BUSY : EXEC_LOSS_REFUSED;
}

void flight_send(struct flight *flight, const struct execution_claim *claim)
{
    struct err problem = ERR_INIT;
    flight->sent_us = clock_mono_us();
    if (!claim->lost && !claim->silent && send(flight, claim, &problem) == 0) {
        flight_join(&flight->dispatch->running, flight);
        FAILPOINT("dispatch.sent");
        return;
    }
    flight_lose(flight, loss_at_start(claim, &problem), &problem);
    flight->verdict.suspect &= !claim->lost; /* the one it would name is another */
    flight_join(&flight->dispatch->ended, flight);
}

int flight_start(struct dispatch *dispatch, struct execution_claim *claim, struct err *err)
{
    const struct execution *execution = &claim->execution;
    struct flight *flight = calloc(1, sizeof(*flight));
    if (!flight)
        return err_internal(err, ENOMEM, "taking up execution %s", execution->id);
    *flight = (struct flight){
        .dispatch = dispatch,
        .seq = execution->seq,
        .mark = -1,
        .attempts = execution->attempts,
        .max_retries = execution->max_retries,
        .calls_back = execution->callback_url != NULL,
        .language = execution->language,
        .timeout_ms = execution->timeout_s * 1000,
        .bucket_next = *bucket(dispatch, execution->seq),
    };
    memcpy(flight->id, execution->id, sizeof(flight->id));
    memcpy(flight->session_id, execution->session_id, sizeof(flight->session_id));
    memcpy(flight->notify, execution->notify, sizeof(flight->notify));
    memcpy(flight->container_id, claim->container_id, sizeof(flight->container_id));
    memcpy(flight->secret, claim->container_secret, sizeof(flight->secret));
    served_nodes_endpoint(dispatch->nodes, claim->node_id, claim->container_id, &flight->endpoint);
    *bucket(dispatch, flight->seq) = flight;
    flight_trace(flight, claim);
    if (claim->unsynced && !claim->silent && !claim->lost)
        flight_push(flight, claim);
    else
        flight_send(flight, claim);
    return 0;
}

void flight_ack(struct flight *flight)
{
    const struct exec_target target = aim(flight);
    execclient_ack(flight->dispatch->http, &target, flight->id, flight->mark);
}

void flight_cancel(struct flight *flight)
{
    const struct exec_target target = aim(flight);
    execclient_cancel(flight->dispatch->http, &target, flight->id);
}

void dispatch_cancel_pushed(struct dispatch *dispatch, const struct execution_claim *claim)
{
    struct runtime_endpoint endpoint;
    if (!served_nodes_endpoint(dispatch->nodes, claim->node_id, claim->container_id, &endpoint))
        return;
    const struct exec_target target = { .unix_path = endpoint.unix_path, .url = endpoint.url, .secret = claim->container_secret };
    execclient_cancel(dispatch->http, &target, claim->execution.id);
}
