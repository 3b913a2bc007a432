/* SPDX-License-Identifier: Apache-2.0 */
/* Who begins to wait while an execution is under way. Their word may come when its result has just been stored, and the row, which names them, was read
 * before: then it is read again. */
#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/dispatch_internal.h"

static bool mark(struct flight_list *list, const char *id)
{
    for (struct flight *flight = list->first; flight; flight = flight->next)
        if (strcmp(flight->id, id) == 0)
            return flight->late = true;
    return false;
}

static bool mark_flight(struct dispatch *dispatch, const char *id)
{
    return mark(&dispatch->running, id) || mark(&dispatch->moving, id) || mark(&dispatch->ended, id);
}

/* One too many looks by itself. */
void dispatch_note_waiter(struct dispatch *dispatch, const char *id)
{
    if (mark_flight(dispatch, id) || dispatch->waiters_count == DISPATCH_WAITERS_MAX)
        return;
    snprintf(dispatch->waiters[dispatch->waiters_count++], EXECUTION_ID_SIZE, "%s", id);
}

/* One that is not final is not ours to tell: it waits, or runs elsewhere. */
static int ring_waiter(struct dispatch *dispatch, const char *id, struct err *err)
{
    struct execution execution = { 0 };
    int status = execution_repo_get(dispatch->config.db, NULL, id, EXECUTION_SUMMARY, &execution, err);
    if (status == 0 && execution_status_final(execution.status))
        doorbell_ring(dispatch->config.doorbell, execution.notify, id);
    execution_release(&execution);
    return status == 0 || err->code == ERR_EXECUTION_NOT_FOUND ? 0 : -1;
}

int dispatch_ring_waiters(struct dispatch *dispatch, struct err *err)
{
    while (dispatch->waiters_count > 0) {
        const char *id = dispatch->waiters[dispatch->waiters_count - 1];
        if (!mark_flight(dispatch, id) && ring_waiter(dispatch, id, err) != 0)
            return -1;
        dispatch->waiters_count--;
    }
    return 0;
}
