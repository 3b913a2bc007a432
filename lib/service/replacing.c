/* SPDX-License-Identifier: Apache-2.0 */
/* Session, then containers, then executions: the order in which the end of a session locks them. */
#include "lib/service/replacing.h"

#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/replacement_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/repo/workspace_repo.h"
#include "lib/service/audit.h"
#include "lib/service/metrics.h"
#include "lib/service/placing.h"
#include "lib/service/probe.h"
#include "lib/service/sessions.h"
#include "lib/util/failpoint.h"

enum { BATCH = 200, REASON_MAX = 1024 };

/* One replacement, handed through its transaction. */
struct replacing {
    const struct context *context;
    const char *session_id;
    const struct death *death; /* NULL: it died before, and there is room perhaps */
    struct session session;
    struct container old;   /* what the new one is made like */
    struct container fresh; /* its texts are the old one's, or its own when it was warm */
    enum { OF_NO_CONCERN, NEVER_RAN, WORN_OUT, WAITING, MAKING, WARM } outcome;
};

static void drop_fresh(struct replacing *replacing)
{
    if (replacing->outcome == WARM)
        container_release(&replacing->fresh);
    replacing->fresh = (struct container){ 0 };
    replacing->outcome = OF_NO_CONCERN;
}

static void replacing_release(struct replacing *replacing)
{
    drop_fresh(replacing);
    session_release(&replacing->session);
    container_release(&replacing->old);
}

static int claim_warm(struct replacing *replacing, struct db *db, struct err *err)
{
    const struct container *old = &replacing->old;
    struct template like = { .image = old->image, .languages = old->languages, .preload_json = old->preload_json,
                             .oci_runtime = old->oci_runtime,
                             .network_enabled = old->network_enabled, .read_only_root = old->read_only_root };
    bool found = false;
    memcpy(like.id, old->template_id, sizeof(like.id));
    if (container_repo_claim_warm(db, &like, &old->resources, replacing->session_id, &replacing->fresh, &found, err) != 0)
        return -1;
    if (found)
        replacing->outcome = WARM;
    return 0;
}

/* A session that was created when there was no room. */
static bool never_ran(const struct replacing *replacing)
{
    return !replacing->death && !replacing->session.started_at;
}

/* Whether or not that is enough, it waits; if so, for room on that node. */
static int let_pool_give_way(struct replacing *replacing, struct db *db, struct err *err)
{
    char node_id[NODE_ID_SIZE];
    enum runtime_type type;
    bool made;
    if (make_room(db, &replacing->old.resources, node_id, &type, &made, err) != 0)
        return -1;
    if (made)
        memcpy(replacing->fresh.node_id, node_id, sizeof(node_id));
    return 0;
}

/* What the new container is made like: the last one, or what the template says. */
static int find_model(struct replacing *replacing, struct db *db, struct err *err)
{
    cleanup(template_release) struct template template = { 0 };
    struct container *model = &replacing->old;
    if (!never_ran(replacing))
        return replacement_repo_last(db, replacing->session_id, model, err);
    if (template_repo_get(db, replacing->session.template_id, &template, err) != 0)
        return -1;
    *model = (struct container){ .image = steal(template.image), .languages = steal(template.languages),
                                 .preload_json = steal(template.preload_json), .oci_runtime = steal(template.oci_runtime), .network_enabled = template.network_enabled,
                                 .read_only_root = template.read_only_root, .resources = replacing->session.resources };
    memcpy(model->template_id, template.id, sizeof(model->template_id));
    return 0;
}

static int make_another(struct replacing *replacing, struct db *db, struct err *err)
{
    struct err problem = ERR_INIT;
    replacing->fresh = (struct container){
        .image = replacing->old.image,
        .languages = replacing->old.languages,
        .preload_json = replacing->old.preload_json,
        .oci_runtime = replacing->old.oci_runtime,
        .network_enabled = replacing->old.network_enabled,
        .read_only_root = replacing->old.read_only_root,
        .resources = replacing->old.resources,
    };
    memcpy(replacing->fresh.template_id, replacing->old.template_id, sizeof(replacing->fresh.template_id));
    memcpy(replacing->fresh.session_id, replacing->session_id, strlen(replacing->session_id) + 1);
    replacing->outcome = MAKING;
    const struct placing placing = { .waits_at = replacing->death ? NULL : replacing->session.node_id };
    if (place_container(db, &replacing->fresh, &placing, &problem) == 0)
        return 0;
    drop_fresh(replacing);
    replacing->outcome = WAITING;
    bool may_wait = replacing->death && !replacing->death->only_elsewhere;
    if (may_wait && problem.code == ERR_NO_ROOM)
        return let_pool_give_way(replacing, db, err);
    if (may_wait && problem.code == ERR_UNAVAILABLE)
        return 0;
    *err = problem;
    return -1;
}

static int find_another(struct replacing *replacing, struct db *db, struct err *err)
{
    /* a warm one may be on the very node that is lost */
    bool warm = !replacing->death || !replacing->death->only_elsewhere;
    if (warm && claim_warm(replacing, db, err) != 0)
        return -1;
    return replacing->outcome == WARM ? 0 : make_another(replacing, db, err);
}

static int bind_session(struct replacing *replacing, struct db *db, struct err *err)
{
    const struct container *fresh = &replacing->fresh;
    bool changed = false, warm = replacing->outcome == WARM;
    if (replacement_repo_bind(db, replacing->session_id, replacing->session.container_id, fresh,
                              warm ? SESSION_RUNNING : SESSION_CREATING, replacing->death != NULL, &changed, err) != 0)
        return -1;
    if (!changed)
        return err_internal(err, 0, "session %s changed under its lock", replacing->session_id);
    if (replacement_repo_lose(db, replacing->session_id, err) != 0)
        return -1;
    if (warm ? execution_repo_make_runnable(db, replacing->session_id, NULL, err)
             : replacement_repo_hold(db, replacing->session_id, err))
        return -1;
    return fresh->id[0] ? workspace_repo_restart(db, replacing->session_id, fresh->id, err) : 0;
}

static int note(const struct replacing *replacing, struct err *err)
{
    const char *fresh = replacing->fresh.id;
    return audit_note(replacing->context, "replace", "session", replacing->session_id, err, "container %s by %s: %s",
                      replacing->old.id, fresh[0] ? fresh : "none yet, no node has room", replacing->death->reason);
}

/* Whether the session is to go on in another container; sets the outcome when not. */
static bool goes_on(struct replacing *replacing)
{
    const struct session *session = &replacing->session;
    const char *at = replacing->death ? replacing->death->container_id : "";
    replacing->outcome = OF_NO_CONCERN;
    if (session_status_final(session->status) || strcmp(session->container_id, at) != 0)
        return false;
    if (replacing->death && !session->started_at)
        replacing->outcome = NEVER_RAN;
    else if (replacing->death && session->restarts >= SESSION_RESTARTS_MAX)
        replacing->outcome = WORN_OUT;
    return replacing->outcome == OF_NO_CONCERN;
}

int death_record(struct db *db, const struct death *death, struct err *err)
{
    return replacement_repo_record(db, death->container_id, death->has_exit_code ? &death->exit_code : NULL, death->oom_killed,
                                   death->reason, err);
}

static int replace_work(struct db *db, void *arg, struct err *err)
{
    struct replacing *replacing = arg;
    const struct death *death = replacing->death;
    bool deleted = false;
    replacing_release(replacing);
    if (session_repo_lock(db, NULL, replacing->session_id, &replacing->session, err) != 0)
        return -1;
    bool on = goes_on(replacing);
    if (death && (on || replacing->outcome == OF_NO_CONCERN) &&
        container_repo_delete(db, death->container_id, &deleted, err) != 0)
        return -1;
    if (death && deleted && (death_record(db, death, err) != 0 ||
                             replacement_repo_explain(db, replacing->session_id, death->container_id, death->reason, err) != 0))
        return -1;
    if (!on)
        return 0;
    if (find_model(replacing, db, err) != 0 ||
        find_another(replacing, db, err) != 0 || bind_session(replacing, db, err) != 0)
        return -1;
    FAILPOINT("replace.before-commit");
    return death ? note(replacing, err) : 0;
}

/* After the commit. */
static void ring(const struct replacing *replacing)
{
    const struct context *context = replacing->context;
    const struct doorbell_settings *bells = &context->settings->doorbell;
    doorbell_ring(context->doorbell, bells->provisiond, replacing->session_id);
    doorbell_ring(context->doorbell, bells->dispatchd, replacing->session_id); /* it may wait for the reason */
    if (replacing->outcome != WARM)
        return;
    doorbell_ring(context->doorbell, bells->pool, replacing->session_id);
}

static int fail_session(const struct replacing *replacing, struct err *err)
{
    const struct death *death = replacing->death;
    char reason[REASON_MAX];
    if (replacing->outcome == NEVER_RAN)
        snprintf(reason, sizeof(reason), "%s", death->reason);
    else
        snprintf(reason, sizeof(reason), "The session's sandbox died %d times; the last time: %s", SESSION_RESTARTS_MAX + 1,
                 death->reason);
    const struct session_ending how = { .status = SESSION_FAILED, .kind = "session_failed", .reason = reason,
                                        .container_id = death->container_id };
    return session_service_end(replacing->context, death->session_id, &how, NULL, err);
}

int session_service_replace(const struct context *context, const struct death *death, enum death_outcome *out,
                            struct err *err)
{
    cleanup(replacing_release) struct replacing replacing = { .context = context, .session_id = death->session_id,
                                                              .death = death };
    if (db_transaction(context->db, replace_work, &replacing, err) != 0)
        return -1;
    *out = DEATH_OF_NO_CONCERN;
    if (replacing.outcome == OF_NO_CONCERN)
        return 0;
    bool failed = replacing.outcome == NEVER_RAN || replacing.outcome == WORN_OUT;
    *out = failed ? DEATH_FAILED : DEATH_REPLACED;
    if (failed)
        return fail_session(&replacing, err);
    metrics_add(context->metrics, METRIC_REPLACEMENTS, death->cause, 0, 1);
    FAILPOINT("replace.committed");
    ring(&replacing);
    return 0;
}

/* No room is an answer. A database that is away would not have come so far, or does not answer the next question either. */
static bool is_full(const struct err *err)
{
    return err->code == ERR_NO_ROOM || err->code == ERR_UNAVAILABLE;
}

int session_service_place_waiting(const struct context *context, struct err *err)
{
    cleanup(string_list_release) struct string_list waiting = { 0 };
    if (replacement_repo_waiting(context->db, BATCH, &waiting, err) != 0)
        return -1;
    for (size_t i = 0; i < waiting.count; i++) {
        cleanup(replacing_release) struct replacing replacing = { .context = context, .session_id = waiting.items[i] };
        struct err problem = ERR_INIT;
        if (db_transaction(context->db, replace_work, &replacing, &problem) == 0) {
            if (replacing.outcome != OF_NO_CONCERN)
                ring(&replacing);
        } else if (!is_full(&problem)) {
            *err = problem;
            return -1;
        }
    }
    return 0;
}

int session_service_leave_lost_nodes(const struct context *context, report_fn report, struct err *err)
{
    cleanup(container_list_release) struct container_list lost = { 0 };
    if (replacement_repo_lost(context->db, NODE_LOST_S, PROBE_MISSES, BATCH, &lost, err) != 0)
        return -1;
    for (size_t i = 0; i < lost.count; i++) {
        const struct death death = { .session_id = lost.items[i].session_id, .container_id = lost.items[i].id,
                                     .reason = "Its node was lost.", .cause = DEATH_NODE, .only_elsewhere = true };
        enum death_outcome outcome;
        struct err problem = ERR_INIT;
        if (session_service_replace(context, &death, &outcome, &problem) != 0) {
            if (is_full(&problem))
                continue;
            *err = problem;
            return -1;
        }
        if (outcome == DEATH_REPLACED)
            report(LOG_LEVEL_WARN, "node lost, session moves to another", NULL, "session_id", death.session_id);
    }
    return 0;
}
