/* SPDX-License-Identifier: Apache-2.0 */
/* Session, then container, then executions: the order in which the end of a session locks them. */
#include "lib/service/opening.h"

#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/util/failpoint.h"

/* The session runs, because its container was ready before; or it has ended. */
static int look_again(struct db *db, struct opening *opening, struct err *err)
{
    struct container now = { 0 };
    bool deleted = false;
    if (container_repo_get(db, opening->container_id, &now, err) != 0)
        return -1;
    opening->opened = now.status == CONTAINER_RUNNING;
    container_release(&now);
    return opening->opened ? 0 : container_repo_delete(db, opening->container_id, &deleted, err);
}

int opening_work(struct db *db, void *arg, struct err *err)
{
    struct opening *opening = arg;
    bool warm = opening->session_id[0] == '\0', started = true, ready = false;
    opening->opened = false;
    opening->waiting = 0;
    if (!warm && session_repo_start(db, opening->session_id, &started, err) != 0)
        return -1;
    if (!started)
        return look_again(db, opening, err);
    if (container_repo_ready(db, opening->container_id, opening->claimed_by, &ready, err) != 0)
        return -1;
    if (!ready)
        return err_set(err, ERR_CONFLICT, "The container is to be removed.");
    opening->opened = true;
    FAILPOINT("provision.before-commit");
    return warm ? 0 : execution_repo_make_runnable(db, opening->session_id, &opening->waiting, err);
}
