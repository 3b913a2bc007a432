/* SPDX-License-Identifier: Apache-2.0 */
/* Old rows, batch by batch. */
#include "lib/service/purge_rows.h"

#include "lib/repo/retention_repo.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum { ROWS = 500 /* of one statement */, SESSIONS = 100 };

struct pass {
    const struct context *context;
    const struct retention_settings *keep;
    const struct purge_watch *watch;
    struct purge_done *done;
    int64_t until_ms;
};

/* 1: go on, 0: the time is over, -1 with err. */
static int may_go_on(struct pass *pass, struct err *err)
{
    if (pass->watch->beat(pass->watch->arg, err) != 0)
        return -1;
    return clock_mono_ms() < pass->until_ms;
}

static int executions(struct pass *pass, struct err *err)
{
    struct execution_walk walk = { 0 };
    int more = 1;
    while (!walk.over && (more = may_go_on(pass, err)) > 0) {
        if (retention_repo_executions(pass->context->db, pass->keep->executions_s, ROWS, &walk, err) != 0)
            return -1;
        pass->done->executions += (int64_t)walk.removed;
        if (walk.removed > 0)
            FAILPOINT("purge.executions-gone");
    }
    return more < 0 ? -1 : 0;
}

/* 1: all are gone. */
static int executions_of(struct pass *pass, const char *session_id, struct err *err)
{
    uint64_t removed = ROWS;
    while (removed == ROWS) {
        int more = may_go_on(pass, err);
        if (more <= 0)
            return more;
        if (retention_repo_executions_of(pass->context->db, session_id, ROWS, &removed, err) != 0)
            return -1;
        pass->done->executions += (int64_t)removed;
    }
    return 1;
}

static int batch_of_sessions(struct pass *pass, struct old_session_list *list, struct err *err)
{
    uint64_t removed = 0;
    for (size_t i = 0; i < list->count; i++) {
        int gone = executions_of(pass, list->items[i].id, err);
        if (gone < 0)
            return -1;
        if (gone == 0)
            list->count = i; /* out of time: those before can go */
    }
    if (list->count > 0 && retention_repo_drop_sessions(pass->context->db, list, &removed, err) != 0)
        return -1;
    pass->done->session_rows += (int64_t)removed;
    if (removed > 0)
        FAILPOINT("purge.sessions-gone");
    return 0;
}

static int sessions(struct pass *pass, struct err *err)
{
    for (size_t listed = SESSIONS; listed == SESSIONS;) {
        cleanup(old_session_list_release) struct old_session_list list = { 0 };
        if (retention_repo_sessions(pass->context->db, pass->keep->sessions_s, pass->keep->workspace_s, SESSIONS, &list, err) != 0)
            return -1;
        listed = list.count;
        if (batch_of_sessions(pass, &list, err) != 0)
            return -1;
        if (list.count < listed)
            return 0;
    }
    return 0;
}

static int containers(struct pass *pass, struct err *err)
{
    uint64_t removed = ROWS;
    while (removed == ROWS) {
        int more = may_go_on(pass, err);
        if (more <= 0)
            return more;
        if (retention_repo_containers(pass->context->db, pass->keep->containers_s, ROWS, &removed, err) != 0)
            return -1;
        pass->done->containers += (int64_t)removed;
        if (removed > 0)
            FAILPOINT("purge.containers-gone");
    }
    return 0;
}

int purge_old_rows(const struct context *context, const struct purge_watch *watch, struct purge_done *done, struct err *err)
{
    struct pass pass = { .context = context, .keep = &context->settings->retention, .watch = watch, .done = done,
                         .until_ms = clock_mono_ms() + PURGE_ROWS_MS };
    uint64_t removed = 0;
    if (executions(&pass, err) != 0 || sessions(&pass, err) != 0 || containers(&pass, err) != 0 ||
        retention_repo_leavings(context->db, &removed, err) != 0)
        return -1;
    done->rows += (int64_t)removed;
    return 0;
}
