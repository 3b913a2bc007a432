/* SPDX-License-Identifier: Apache-2.0 */
/* Time limits of sessions. */
#include "lib/service/reap.h"

#include <inttypes.h>
#include <string.h>

#include "lib/repo/idle_repo.h"
#include "lib/repo/clock_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/health.h"
#include "lib/service/replacing.h"
#include "lib/service/retention.h"
#include "lib/service/sessions.h"
#include "lib/util/failpoint.h"

enum { BATCH = 200 };

static int end_each(const struct context *context, const struct string_list *ids, const struct session_ending *how,
                    report_fn report, int64_t *count, struct err *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        bool changed = false;
        if (session_service_end(context, ids->items[i], how, &changed, err) != 0)
            return -1;
        *count += changed;
        if (changed)
            report(LOG_LEVEL_INFO, how->reason, NULL, "session_id", ids->items[i]);
    }
    return 0;
}

static int end_expired(const struct context *context, report_fn report, int64_t *count, struct err *err)
{
    static const struct session_ending how = {
        .status = SESSION_TIMEOUT,
        .kind = "session_timeout",
        .reason = "The session's time limit was reached.",
    };
    size_t ended;
    do {
        struct string_list ids = { 0 };
        if (session_repo_expired(context->db, BATCH, &ids, err) != 0)
            return -1;
        if (ids.count > 0)
            FAILPOINT("reap.found");
        int result = end_each(context, &ids, &how, report, count, err);
        ended = ids.count;
        string_list_release(&ids);
        if (result != 0)
            return -1;
    } while (ended == BATCH);
    return 0;
}

static int end_quiet(const struct context *context, const struct quiet_session *session, report_fn report, int64_t *count,
                     struct err *err)
{
    char reason[128];
    const struct session_ending how = { .status = SESSION_TIMEOUT, .kind = "session_idle", .reason = reason,
                                        .idle_s = context->settings->limits.session_idle_s };
    char *id = (char *)session->id;
    const struct string_list one = { .items = &id, .count = 1 };
    if (!session->idle)
        return idle_repo_note(context->db, session->id, session->activity_at, err);
    snprintf(reason, sizeof(reason), "Nothing happened in the session for %" PRId64 " seconds.", how.idle_s);
    return end_each(context, &one, &how, report, count, err);
}

/* What is listed is ended or noted to have been active, so that nobody is looked at twice. */
static int end_idle(const struct context *context, report_fn report, int64_t *count, struct err *err)
{
    size_t listed = BATCH;
    int64_t idle_s = context->settings->limits.session_idle_s;
    while (idle_s != 0 && listed == BATCH) {
        cleanup(quiet_list_release) struct quiet_list quiet = { 0 };
        if (idle_repo_list(context->db, idle_s, BATCH, &quiet, err) != 0)
            return -1;
        listed = quiet.count;
        for (size_t i = 0; i < quiet.count; i++)
            if (end_quiet(context, &quiet.items[i], report, count, err) != 0)
                return -1;
    }
    return 0;
}

static const struct node *find_node(const struct node_list *nodes, const char *id)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (strcmp(nodes->items[i].id, id) == 0)
            return &nodes->items[i];
    return NULL;
}

/* What kept the session from starting, for its user. */
static void explain(const struct context *context, const struct node_list *nodes, const char *session_id, char *out,
                    size_t size)
{
    struct err ignored = ERR_INIT;
    struct session session = { 0 };
    const struct node *node = NULL;
    if (session_repo_get(context->db, NULL, session_id, &session, &ignored) == 0)
        node = find_node(nodes, session.node_id);
    bool homeless = session.id[0] && !session.container_id[0], ran = session.started_at != 0;
    session_release(&session);
    if (homeless && !ran)
        snprintf(out, size, "No node had room for the sandbox within %d seconds.", SESSION_START_LIMIT_S);
    else if (homeless)
        snprintf(out, size, "The sandbox died, and no node had room for another within %d seconds.", SESSION_START_LIMIT_S);
    else if (!node || node->silent_ms > NODE_SILENT_MS)
        snprintf(out, size, "The sandbox could not be started: no provisioner is running on its node.");
    else if (node->error)
        snprintf(out, size, "The sandbox could not be started: %s", node->error);
    else
        snprintf(out, size, "The sandbox did not start within %d seconds.", SESSION_START_LIMIT_S);
}

static int fail_stuck(const struct context *context, report_fn report, int64_t *count, struct err *err)
{
    struct string_list ids = { 0 };
    struct node_list nodes = { 0 };
    int result = session_repo_stuck(context->db, SESSION_START_LIMIT_S, BATCH, &ids, err);
    if (result == 0 && ids.count > 0)
        result = node_repo_list(context->db, &nodes, err);
    for (size_t i = 0; result == 0 && i < ids.count; i++) {
        char reason[512];
        struct string_list one = { .items = &ids.items[i], .count = 1 };
        explain(context, &nodes, ids.items[i], reason, sizeof(reason));
        const struct session_ending how = { .status = SESSION_FAILED, .kind = "session_failed", .reason = reason };
        result = end_each(context, &one, &how, report, count, err);
    }
    node_list_release(&nodes);
    string_list_release(&ids);
    return result;
}

/* What was put off by a clock that was ahead would wait until that time comes again. */
static int mend_times(const struct context *context, report_fn report, int64_t *count, struct err *err)
{
    uint64_t mended = 0;
    if (clock_repo_mend(context->db, BATCH, &mended, err) != 0)
        return -1;
    *count += (int64_t)mended;
    if (mended > 0)
        report(LOG_LEVEL_WARN, "rows were dated into the future and are mended: the database's clock was set back", NULL, NULL, NULL);
    return 0;
}

int reap_pass(const struct context *context, report_fn report, struct reap_done *done, struct err *err)
{
    *done = (struct reap_done){ 0 };
    if (mend_times(context, report, &done->mended, err) != 0)
        return -1;
    if (end_expired(context, report, &done->expired, err) != 0 || end_idle(context, report, &done->idle, err) != 0)
        return -1;
    if (session_service_leave_lost_nodes(context, report, err) != 0 || session_service_place_waiting(context, err) != 0 ||
        fail_stuck(context, report, &done->failed, err) != 0)
        return -1;
    return retention_pass(context, &done->rows, err);
}
