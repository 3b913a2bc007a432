/* SPDX-License-Identifier: Apache-2.0 */
/* Claims what is due, one session or one batch of objects at a time; no transaction is open while storage works. */
#include "lib/service/purge.h"

#include <stdio.h>

#include "lib/repo/audit_repo.h"
#include "lib/repo/purge_repo.h"
#include "lib/service/metrics.h"
#include "lib/service/purge_rows.h"
#include "lib/storage/storage.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum {
    LEASE_S = 60,
    HOLD_EVERY_MS = 15000,
    ROWS = 1000, /* of one statement */
    OBJECTS = 100, /* claimed at once */
    AUDIT_ROWS = 500,
};

struct pass {
    const struct context *context;
    const struct purge_watch *watch;
    report_fn report;
    struct purge_done *done;
    const char *session_id; /* being purged */
    int64_t held_ms;
    int away;     /* times in a row that storage did not answer */
    bool stopped; /* an error that is not storage's */
};

static int beat(void *arg, struct err *err)
{
    struct pass *pass = arg;
    int64_t now = clock_mono_ms();
    int status = pass->watch->beat(pass->watch->arg, err);
    if (status == 0 && pass->session_id && now - pass->held_ms >= HOLD_EVERY_MS) {
        pass->held_ms = now;
        status = purge_repo_hold(pass->context->db, pass->session_id, LEASE_S, err);
    }
    pass->stopped = status != 0;
    return status;
}

/* Storage failed: -1 when it makes no sense to go on. */
static int note_failure(struct pass *pass, const char *session_id, const struct err *err)
{
    if (pass->done->failures++ == 0)
        pass->report(LOG_LEVEL_WARN, "files could not be deleted, will be tried again", err, "session_id", session_id);
    metrics_add(pass->context->metrics, METRIC_PURGE_FAILURES, 0, 0, 1);
    pass->away = err->code == ERR_UNAVAILABLE ? pass->away + 1 : 0;
    return pass->away < PURGE_AWAY ? 0 : -1;
}

static void note_deleted(struct pass *pass, int64_t objects)
{
    pass->done->objects += objects;
    metrics_add(pass->context->metrics, METRIC_PURGED_OBJECTS, 0, 0, (uint64_t)objects);
}

typedef int (*drop_fn)(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err);

static int drop_rows(struct pass *pass, drop_fn drop, struct err *err)
{
    uint64_t removed = ROWS;
    while (removed == ROWS)
        if (beat(pass, err) != 0 || drop(pass->context->db, pass->session_id, ROWS, &removed, err) != 0)
            return -1;
    return 0;
}

static int finish(struct pass *pass, const struct purge_session *session, struct err *err)
{
    bool changed = false;
    if (purge_repo_finish(pass->context->db, session->id, &changed, err) != 0)
        return -1;
    if (!changed)
        return 0;
    pass->done->sessions++;
    pass->done->bytes += session->bytes;
    metrics_add(pass->context->metrics, METRIC_PURGED_SESSIONS, 0, 0, 1);
    metrics_add(pass->context->metrics, METRIC_PURGED_BYTES, 0, 0, (uint64_t)session->bytes);
    return 0;
}

static int purge_session(struct pass *pass, const struct purge_session *session, struct err *err)
{
    const struct context *context = pass->context;
    int64_t deleted = 0;
    if (drop_rows(pass, purge_repo_drop_files, err) != 0)
        return -1;
    FAILPOINT("purge.rows-gone");
    struct err failure = ERR_INIT;
    int status = storage_purge(context->storage, session->id, beat, pass, &deleted, &failure);
    note_deleted(pass, deleted);
    if (pass->stopped || (status != 0 && note_failure(pass, session->id, &failure) != 0)) {
        *err = failure;
        return -1;
    }
    if (status != 0)
        return purge_repo_hold(context->db, session->id, PURGE_RETRY_S, err);
    pass->away = 0;
    FAILPOINT("purge.objects-gone");
    return drop_rows(pass, purge_repo_drop_garbage, err) == 0 ? finish(pass, session, err) : -1;
}

static int purge_sessions(struct pass *pass, struct err *err)
{
    const struct context *context = pass->context;
    for (;;) {
        struct purge_session session;
        bool found = false;
        if (beat(pass, err) != 0 ||
            purge_repo_claim(context->db, context->settings->retention.workspace_s, LEASE_S, &session, &found, err) != 0)
            return -1;
        if (!found)
            return 0;
        FAILPOINT("purge.claimed");
        pass->session_id = session.id;
        pass->held_ms = clock_mono_ms();
        int status = purge_session(pass, &session, err);
        pass->session_id = NULL;
        if (status != 0)
            return -1;
    }
}

static int delete_object(struct pass *pass, const struct garbage *garbage, struct err *err)
{
    char key[STORAGE_KEY_MAX + 1];
    snprintf(key, sizeof(key), "sessions/%s/%s", garbage->session_id, garbage->object_id);
    return storage_delete(pass->context->storage, key, err);
}

/* What could be deleted, in `seqs`; -1: no use to go on, with what was deleted until then. */
static int delete_batch(struct pass *pass, const struct garbage_list *list, int64_t *seqs, size_t *count, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct err failure = ERR_INIT;
        if (beat(pass, err) != 0)
            return -1;
        if (delete_object(pass, &list->items[i], &failure) == 0) {
            pass->away = 0;
            seqs[(*count)++] = list->items[i].seq;
        } else if (note_failure(pass, list->items[i].session_id, &failure) != 0) {
            *err = failure;
            return -1;
        }
    }
    return 0;
}

static int delete_claimed(struct pass *pass, const struct garbage_list *list, struct err *err)
{
    int64_t seqs[OBJECTS];
    size_t count = 0;
    struct err unseen = ERR_INIT;
    int status = delete_batch(pass, list, seqs, &count, err);
    note_deleted(pass, (int64_t)count);
    FAILPOINT("purge.garbage-gone");
    if (count > 0 && purge_repo_forget(pass->context->db, seqs, count, status == 0 ? err : &unseen) != 0)
        return -1;
    return status;
}

static int delete_garbage(struct pass *pass, struct err *err)
{
    size_t claimed;
    do {
        cleanup(garbage_list_release) struct garbage_list list = { 0 };
        if (beat(pass, err) != 0 || purge_repo_claim_garbage(pass->context->db, PURGE_RETRY_S, OBJECTS, &list, err) != 0)
            return -1;
        claimed = list.count;
        if (claimed > 0 && delete_claimed(pass, &list, err) != 0)
            return -1;
    } while (claimed == OBJECTS);
    return 0;
}

static int purge_audit(struct pass *pass, struct err *err)
{
    const struct context *context = pass->context;
    uint64_t removed = AUDIT_ROWS;
    while (removed == AUDIT_ROWS) {
        if (beat(pass, err) != 0 ||
            audit_repo_purge(context->db, context->settings->retention.audit_days, AUDIT_ROWS, &removed, err) != 0)
            return -1;
        pass->done->audit += (int64_t)removed;
    }
    return 0;
}

int purge_pass(const struct context *context, const struct purge_watch *watch, report_fn report, struct purge_done *done,
               struct err *err)
{
    struct pass pass = { .context = context, .watch = watch, .report = report, .done = done };
    *done = (struct purge_done){ 0 };
    /* needs no storage: first */
    if (purge_audit(&pass, err) != 0 || purge_old_rows(context, watch, done, err) != 0)
        return -1;
    return purge_sessions(&pass, err) == 0 ? delete_garbage(&pass, err) : -1;
}
