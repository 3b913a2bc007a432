/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher as a whole: claim, fly, store, again. */
#include "lib/service/dispatch.h"

#include <errno.h>
#include <string.h>

#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "lib/service/dispatch_bell.h"
#include "lib/service/dispatch_internal.h"
#include "lib/service/metrics.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum {
    CLAIM_BATCH = 64,
    RENEW_INTERVAL_MS = EXECUTION_LEASE_MS / 3,
    CANCEL_BATCH = 1024,
    CANCEL_AGAIN_MS = 1000,
    WAIT_MAX = 16, /* descriptors to wait for besides the network */
};

struct dispatch *dispatch_new(const struct dispatch_config *config, struct err *err)
{
    size_t buckets = 64;
    while (buckets < config->flights_max)
        buckets *= 2;
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    struct flight **table = calloc(buckets, sizeof(struct flight *));
    struct served_nodes *nodes = dispatch && table ? served_nodes_new(config->settings, err) : NULL;
    struct http *http = nodes ? http_new(err) : NULL;
    if (!http) {
        if (!dispatch || !table)
            err_internal(err, ENOMEM, "making a dispatcher");
        served_nodes_free(nodes);
        free(table);
        free(dispatch);
        return NULL;
    }
    *dispatch = (struct dispatch){
        .config = *config,
        .http = http,
        .nodes = nodes,
        .table = table,
        .table_mask = buckets - 1,
        .look = true,
        .recover = true,
    };
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    struct err ignored = ERR_INIT;
    (void)!dispatch_withdraw(dispatch, &ignored);
    dispatch_land(dispatch);
    transfers_free(dispatch->transfers);
    (void)!dispatch_store(dispatch, &ignored);
    (void)!execution_repo_release(dispatch->config.db, dispatch->config.claimed_by, &ignored);
    while (dispatch->running.first)
        flight_free(dispatch->running.first);
    while (dispatch->moving.first)
        flight_free(dispatch->moving.first);
    while (dispatch->ended.first)
        flight_free(dispatch->ended.first);
    http_free(dispatch->http);
    served_nodes_free(dispatch->nodes);
    free(dispatch->table);
    free(dispatch);
}

void dispatch_take_done(struct dispatch *dispatch, struct dispatch_done *out)
{
    *out = dispatch->done;
    dispatch->done = (struct dispatch_done){ 0 };
}

bool dispatch_busy(const struct dispatch *dispatch)
{
    return dispatch->running.count + dispatch->moving.count + dispatch->ended.count > 0;
}

/* Ends our leases, so that the next claim brings up every row that says we run it: those we do not know of are
 * started, the others are recognised by their seq. */
static int recover(struct dispatch *dispatch, struct err *err)
{
    if (!dispatch->recover)
        return 0;
    if (execution_repo_release(dispatch->config.db, dispatch->config.claimed_by, err) != 0)
        return -1;
    dispatch->recover = false;
    dispatch->look = true;
    return 0;
}

static int renew(struct dispatch *dispatch, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < dispatch->renew_at_ms)
        return 0;
    if (dispatch_busy(dispatch) && execution_repo_renew(dispatch->config.db, dispatch->config.claimed_by, err) != 0)
        return -1;
    dispatch->renew_at_ms = now + RENEW_INTERVAL_MS;
    return 0;
}

static void count_wait(const struct dispatch *dispatch, const struct execution_claim *claim)
{
    const struct execution *execution = &claim->execution;
    if (claim->taken_over || execution->attempts != 1)
        return;
    metrics_observe(dispatch->config.metrics, METRIC_QUEUE_WAIT, 0, 0, claim->waited_us);
}

int dispatch_take_up(struct dispatch *dispatch, struct claim_list *claims, struct err *err)
{
    for (size_t i = 0; i < claims->count; i++) {
        struct execution_claim *claim = &claims->items[i];
        if (flight_find(dispatch, claim->execution.seq))
            continue;
        count_wait(dispatch, claim);
        if (flight_start(dispatch, claim, err) != 0)
            return -1;
    }
    return 0;
}

size_t dispatch_room(const struct dispatch *dispatch)
{
    size_t used = dispatch->running.count + dispatch->moving.count + dispatch->ended.count;
    size_t room = used < dispatch->config.flights_max ? dispatch->config.flights_max - used : 0;
    return room < CLAIM_BATCH ? room : CLAIM_BATCH;
}

/* By name, if that is all that is known; else of the whole queue, which has the named ones, too. */
static int claim_some(struct dispatch *dispatch, struct claim_list *out, bool *again_out, struct err *err)
{
    const struct dispatch_config *config = &dispatch->config;
    const struct string_list *nodes = served_nodes_ids(dispatch->nodes);
    size_t limit = dispatch_room(dispatch);
    bool crowded = false;
    int status;
    if (!dispatch->look && dispatch->named_count <= limit) {
        status = execution_repo_claim_named(config->db, config->claimed_by, nodes, dispatch->named, dispatch->named_count, out, &crowded, err);
        *again_out = crowded; /* what was left may be behind others that nobody named: a look tells */
    } else {
        status = execution_repo_claim(config->db, config->claimed_by, nodes, (int64_t)limit, out, &crowded, err);
        dispatch->crowded = crowded;
        *again_out = out->count == limit;
    }
    return status;
}

static int claim(struct dispatch *dispatch, struct err *err)
{
    bool wanted = dispatch->look || dispatch->named_count > 0;
    if (wanted && dispatch_room(dispatch) > 0 && served_nodes_refresh(dispatch->nodes, dispatch->config.db, err) != 0)
        return -1;
    while ((dispatch->look || dispatch->named_count > 0) && dispatch_room(dispatch) > 0) {
        struct claim_list claims = { 0 };
        bool again = true;
        /* set until proven otherwise: a claim that breaks off may have changed rows */
        dispatch->recover = true;
        int64_t began_us = clock_mono_us();
        int result = claim_some(dispatch, &claims, &again, err);
        if (claims.count > 0)
            FAILPOINT("dispatch.claimed");
        if (claims.count > 0)
            metrics_observe(dispatch->config.metrics, METRIC_DISPATCH, METRIC_DISPATCH_CLAIM, 0, clock_mono_us() - began_us);
        if (result == 0)
            result = dispatch_take_up(dispatch, &claims, err);
        if (result == 0) {
            dispatch->recover = false;
            dispatch->look = again;
            dispatch->named_count = 0;
        }
        claim_list_release(&claims);
        if (result != 0)
            return -1;
    }
    return 0;
}

bool dispatch_hear(struct dispatch *dispatch, const char *text)
{
    struct dispatch_word word;
    dispatch_bell_read(text, &word);
    if (word.kind == DISPATCH_WAIT) {
        dispatch_note_waiter(dispatch, word.id);
        return false;
    }
    if (word.kind == DISPATCH_TAKE) {
        dispatch_given(dispatch, word.seq);
        return false;
    }
    if (word.kind == DISPATCH_LOOK || dispatch->named_count == DISPATCH_NAMED_MAX)
        return true;
    dispatch->named[dispatch->named_count++] = word.seq;
    return false;
}

/* Kills what is to be killed; again until it has ended, for the call may be lost, or arrive before its execution does. */
static int cancel(struct dispatch *dispatch, struct err *err)
{
    cleanup(seq_list_release) struct seq_list asked = { 0 };
    if (dispatch->running.count + dispatch->moving.count == 0)
        return 0;
    if (cancellation_repo_asked(dispatch->config.db, dispatch->config.claimed_by, CANCEL_BATCH, &asked, err) != 0)
        return -1;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < asked.count; i++) {
        struct flight *flight = flight_find(dispatch, asked.items[i]);
        if (flight && flight->transfer)
            flight_stop(flight);
        if (!flight || !flight->run || now < flight->cancel_at_ms)
            continue;
        flight->cancel_at_ms = now + CANCEL_AGAIN_MS;
        flight_cancel(flight);
    }
    return 0;
}

/* The same for executors that push; of several dispatchers each that reaches the executor does it, for nobody holds these. */
static int cancel_pushed(struct dispatch *dispatch, struct err *err)
{
    cleanup(claim_list_release) struct claim_list asked = { 0 };
    int64_t now = clock_mono_ms();
    if (now < dispatch->pushed_at_ms)
        return 0;
    if (push_repo_cancelled(dispatch->config.db, CANCEL_BATCH, &asked, err) != 0)
        return -1;
    for (size_t i = 0; i < asked.count; i++)
        dispatch_cancel_pushed(dispatch, &asked.items[i]);
    dispatch->pushed_at_ms = now + CANCEL_AGAIN_MS;
    return 0;
}

int dispatch_step(struct dispatch *dispatch, bool look, struct err *err)
{
    dispatch->heard_us = clock_wall_us();
    dispatch->look |= look;
    dispatch_land(dispatch);
    if (dispatch_store(dispatch, err) != 0 || renew(dispatch, err) != 0 || recover(dispatch, err) != 0)
        return -1;
    if (look && (cancel(dispatch, err) != 0 || cancel_pushed(dispatch, err) != 0))
        return -1;
    if (dispatch_take(dispatch, err) != 0 || claim(dispatch, err) != 0 || dispatch_ring_waiters(dispatch, err) != 0)
        return -1;
    return dispatch_keep_taking(dispatch, look, err);
}

int dispatch_wait(struct dispatch *dispatch, struct pollfd *extra, unsigned count, int timeout_ms, struct err *err)
{
    struct pollfd fds[WAIT_MAX];
    if (!dispatch->transfers || count >= WAIT_MAX)
        return http_run(dispatch->http, extra, count, timeout_ms, err);
    for (unsigned i = 0; i < count; i++)
        fds[i] = extra[i];
    fds[count] = (struct pollfd){ .fd = transfers_fd(dispatch->transfers), .events = POLLIN };
    int status = http_run(dispatch->http, fds, count + 1, timeout_ms, err);
    for (unsigned i = 0; i < count; i++)
        extra[i].revents = fds[i].revents;
    return status;
}
