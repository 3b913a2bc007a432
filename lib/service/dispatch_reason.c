/* SPDX-License-Identifier: Apache-2.0 */
/* A final loss waits a moment for its reason: who waits for the execution wants to know why, and provisiond knows soon. */
#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/service/dispatch_internal.h"
#include "lib/util/clock.h"

enum { REASON_WAIT_MS = 1000 };

static bool wants_reason(const struct flight *flight)
{
    const struct verdict *verdict = &flight->verdict;
    return verdict->lost && verdict->suspect && !verdict->again && flight->reason_until_ms == 0;
}

static int ask(struct dispatch *dispatch, struct flight *flight, struct err *err)
{
    if (container_repo_suspect(dispatch->config.db, flight->container_id, err) != 0)
        return -1;
    flight->reason_until_ms = clock_mono_ms() + REASON_WAIT_MS;
    flight->verdict.suspect = false; /* it is known to be */
    doorbell_ring(dispatch->config.doorbell, dispatch->config.settings->doorbell.provisiond, flight->container_id);
    return 0;
}

/* Whether provisiond has found it dead: then its row says why. */
static bool is_buried(struct dispatch *dispatch, const struct flight *flight)
{
    struct container container = { 0 };
    struct err ignored = ERR_INIT;
    bool buried = container_repo_get(dispatch->config.db, flight->container_id, &container, &ignored) != 0 ||
                  container.status != CONTAINER_RUNNING;
    container_release(&container);
    return buried;
}

int dispatch_seek_reasons(struct dispatch *dispatch, struct err *err)
{
    int64_t now = clock_mono_ms();
    for (struct flight *flight = dispatch->ended.first; flight; flight = flight->next) {
        if (wants_reason(flight) && ask(dispatch, flight, err) != 0)
            return -1;
        if (flight->reason_until_ms > now && dispatch->look && is_buried(dispatch, flight))
            flight->reason_until_ms = now;
    }
    return 0;
}

bool flight_storable(const struct flight *flight)
{
    return flight->reason_until_ms <= clock_mono_ms();
}
