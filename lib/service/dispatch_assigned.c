/* SPDX-License-Identifier: Apache-2.0 */
/* Executions that were stored as running for this dispatcher. What it is told may be lost; then it finds them by looking which rows say they
 * are its own. */
#include <string.h>

#include "lib/repo/dispatcher_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/dispatch_internal.h"
#include "lib/service/metrics.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum { OFFER_AGAIN_MS = 2000 };
_Static_assert(2 * OFFER_AGAIN_MS < DISPATCHER_OFFER_MS, "one that comes late must not end it");

void dispatch_given(struct dispatch *dispatch, int64_t seq)
{
    if (flight_find(dispatch, seq))
        return;
    if (dispatch->given_count < DISPATCH_NAMED_MAX)
        dispatch->given[dispatch->given_count++] = seq;
    else
        dispatch->recall = true;
}

/* Those that came to be under way in another way are forgotten. */
static void drop_known(struct dispatch *dispatch)
{
    size_t kept = 0;
    for (size_t i = 0; i < dispatch->given_count; i++)
        if (!flight_find(dispatch, dispatch->given[i]))
            dispatch->given[kept++] = dispatch->given[i];
    dispatch->given_count = kept;
}

/* The first of them, at most `room`; the others stay. */
static int start(struct dispatch *dispatch, size_t room, struct err *err)
{
    const struct dispatch_config *config = &dispatch->config;
    size_t count = dispatch->given_count < room ? dispatch->given_count : room;
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    bool put_back = false;
    int64_t began_us = clock_mono_us();
    if (served_nodes_refresh(dispatch->nodes, config->db, err) != 0 ||
        execution_repo_take(config->db, config->claimed_by, served_nodes_ids(dispatch->nodes), dispatch->given, count, &claims, &put_back, err) != 0)
        return -1;
    if (claims.count > 0) {
        FAILPOINT("dispatch.claimed");
        metrics_observe(config->metrics, METRIC_DISPATCH, METRIC_DISPATCH_CLAIM, 0, clock_mono_us() - began_us);
    }
    dispatch->look |= put_back;
    if (dispatch_take_up(dispatch, &claims, err) != 0)
        return -1;
    dispatch->given_count -= count;
    memmove(dispatch->given, dispatch->given + count, dispatch->given_count * sizeof(dispatch->given[0]));
    return 0;
}

int dispatch_take(struct dispatch *dispatch, struct err *err)
{
    drop_known(dispatch);
    for (size_t room; dispatch->given_count > 0 && (room = dispatch_room(dispatch)) > 0;)
        if (start(dispatch, room, err) != 0)
            return -1;
    return 0;
}

/* Rows that say they are ours, and are not under way. */
static int recall(struct dispatch *dispatch, struct err *err)
{
    const struct dispatch_config *config = &dispatch->config;
    cleanup(seq_list_release) struct seq_list ours = { 0 };
    if (execution_repo_unfinished(config->db, config->claimed_by, &ours, err) != 0)
        return -1;
    dispatch->recall = false;
    for (size_t i = 0; i < ours.count; i++)
        dispatch_given(dispatch, ours.items[i]);
    return dispatch_take(dispatch, err);
}

/* Whether only this host's processes reach an address. */
static bool is_local(const char *address)
{
    static const char *const starts[] = { "127.", "0.0.0.0:", "[::1]", "[::]" };
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(address, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static int offer(struct dispatch *dispatch, struct err *err)
{
    const struct dispatch_config *config = &dispatch->config;
    char host[NODE_ID_SIZE] = "";
    if (is_local(config->address))
        node_own_id(config->settings, host);
    if (served_nodes_refresh(dispatch->nodes, config->db, err) != 0)
        return -1;
    return dispatcher_repo_offer(config->db, config->claimed_by, config->address, host, served_nodes_ids(dispatch->nodes), err);
}

int dispatch_keep_taking(struct dispatch *dispatch, bool look, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (!dispatch->config.address[0] || dispatch_room(dispatch) == 0)
        return 0;
    if ((look || dispatch->recall) && recall(dispatch, err) != 0)
        return -1;
    if (now >= dispatch->offer_at_ms) {
        if (offer(dispatch, err) != 0)
            return -1;
        dispatch->offer_at_ms = now + OFFER_AGAIN_MS;
    }
    return 0;
}

int dispatch_withdraw(struct dispatch *dispatch, struct err *err)
{
    if (!dispatch->config.address[0])
        return 0;
    return dispatcher_repo_withdraw(dispatch->config.db, dispatch->config.claimed_by, err);
}
