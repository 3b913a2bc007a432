/* SPDX-License-Identifier: Apache-2.0 */
/* A session outlives its container: when that dies, it goes on in another one. Its workspace comes back from storage before the next
 * execution; what ran in the dead one is lost, and tried again as often as it allows. */
#ifndef SANDBOX_SERVICE_REPLACING_H
#define SANDBOX_SERVICE_REPLACING_H

#include "lib/service/context.h"
#include "lib/service/report.h"

/* What it died of: counted. */
enum death_cause {
    DEATH_STOPPED,
    DEATH_OUT_OF_MEMORY,
    DEATH_UNKNOWN,  /* its engine knows nothing of it */
    DEATH_SILENT,   /* its executor does not answer: hung, paused */
    DEATH_SECRET,   /* whoever answers does not know its secret */
    DEATH_NOT_MADE, /* it was to be made again, and could not be */
    DEATH_NODE,     /* its node was lost or removed */
    DEATH_CAUSES
};

struct death {
    const char *session_id, *container_id;
    const char *reason; /* a sentence for users, the log and the audit trail */
    enum death_cause cause;
    bool has_exit_code, oom_killed;
    int64_t exit_code;
    bool only_elsewhere; /* it may live on: nothing changes unless a node has room for another */
};

enum death_outcome {
    DEATH_OF_NO_CONCERN, /* the session has ended, or another container: whoever came first has cared */
    DEATH_REPLACED,      /* another container is being made, or was waiting, or will be made as soon as there is room */
    DEATH_FAILED,        /* the session never ran, or lost more than SESSION_RESTARTS_MAX: it has failed */
};

/* In one transaction the container turns `deleting`, its row says how it died, so do executions that it was running, and the session gets another one, made from the same: a warm one (then it goes on
 * running), else one that provisiond will make (then it is creating again, and its pending executions wait), else none until there is
 * room. Repeatable. only_elsewhere: ERR_NO_ROOM, ERR_UNAVAILABLE when there is no room. */
int session_service_replace(const struct context *context, const struct death *death, enum death_outcome *out,
                            struct err *err) must_use;

/* How the container died, into its row; for those without a session. */
int death_record(struct db *db, const struct death *death, struct err *err) must_use;

/* Sessions that found no room get their container, as far as there is room now. */
int session_service_place_waiting(const struct context *context, struct err *err) must_use;
/* Sessions on nodes that were silent for NODE_LOST_S move to others, as far as those have room; the rest stays. */
enum { NODE_LOST_S = 60 }; /* a provisioner that is restarted is back long before */
int session_service_leave_lost_nodes(const struct context *context, report_fn report, struct err *err) must_use;

#endif
