/* SPDX-License-Identifier: Apache-2.0 */
/* Engine and database, compared: what one says exists and the other does not is put right. */
#include <stdlib.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/replacement_repo.h"
#include "lib/service/metrics.h"
#include "lib/service/provision_internal.h"
#include "lib/service/replacing.h"
#include "lib/util/clock.h"

enum { EXAMINE_LIMIT_MS = 5000, EXAMINE_SLICE_MS = 250, REASON_SIZE = 128 };

/* What was found out. */
struct finding {
    struct death death; /* reason NULL: nothing is wrong with it */
    char reason[REASON_SIZE];
};

static void describe_end(const struct runtime_status *status, struct finding *finding)
{
    char code[32] = "", *out = finding->reason;
    struct death *death = &finding->death;
    death->reason = out;
    death->oom_killed = status->oom_killed;
    death->has_exit_code = status->state == RUNTIME_STOPPED && status->exit_code >= 0;
    death->exit_code = status->exit_code;
    death->cause = status->oom_killed ? DEATH_OUT_OF_MEMORY : status->state == RUNTIME_STOPPED ? DEATH_STOPPED : DEATH_UNKNOWN;
    if (status->state == RUNTIME_STOPPED && status->exit_code >= 0)
        snprintf(code, sizeof(code), " (exit code %d)", (int)status->exit_code);
    if (status->oom_killed)
        snprintf(out, REASON_SIZE, "The sandbox was killed for lack of memory%s.", code);
    else if (status->state == RUNTIME_STOPPED)
        snprintf(out, REASON_SIZE, "The sandbox stopped unexpectedly%s.", code);
    else
        snprintf(out, REASON_SIZE, "The sandbox stopped unexpectedly: its engine knows nothing of it.");
}

static void describe_silence(const struct err *silence, bool paused, struct finding *finding)
{
    bool secret = silence->code == ERR_UNAUTHORIZED;
    finding->death = (struct death){ .reason = finding->reason, .cause = secret ? DEATH_SECRET : DEATH_SILENT };
    snprintf(finding->reason, REASON_SIZE, "%s",
             secret   ? "The sandbox's executor did not accept its secret."
             : paused ? "The sandbox was paused at its engine, and did not go on."
                      : "The sandbox stopped answering.");
}

/* What is wrong with it. Its executor is waited for, but no longer than the engine says that it runs: engines are
 * late to know. -1: the engine does not say. */
static int diagnose(struct provisioner *provisioner, const struct container *container, struct finding *out, struct err *problem)
{
    int64_t end = clock_mono_ms() + EXAMINE_LIMIT_MS;
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct wire_health health;
    struct runtime *runtime = provision_runtime(provisioner, problem);
    provision_aim(provisioner, container, &endpoint, &target);
    *out = (struct finding){ 0 };
    for (int64_t wait = EXAMINE_SLICE_MS;; wait *= 2) { /* longer each time: it may only be slow */
        struct runtime_status status = { 0 };
        if (!runtime || runtime_inspect(runtime, container->id, &status, problem) != 0)
            return -1;
        if (status.state != RUNTIME_RUNNING) {
            describe_end(&status, out);
            return 0;
        }
        struct err silence = ERR_INIT;
        int64_t now = clock_mono_ms(), slice = end - now < wait ? end : now + wait;
        if (execclient_health(provisioner->http, &target, slice, &health, &silence) == 0)
            return 0;
        if (silence.code == ERR_TIMEOUT && clock_mono_ms() < end)
            continue;
        describe_silence(&silence, status.paused, out);
        return 0;
    }
}

int provision_examine(struct provisioner *provisioner, const struct container *container, struct err *err)
{
    struct err problem = ERR_INIT;
    struct finding found;
    if (diagnose(provisioner, container, &found, &problem) == 0)
        return found.death.reason ? provision_bury(provisioner, container, &found.death, err) : 0;
    /* the next reconciliation looks again; suspecting it at once would go round in circles while the engine is down */
    provisioner->config.report(LOG_LEVEL_WARN, "suspect container cannot be examined", &problem, "container_id", container->id);
    return 0;
}

static int compare_container(const void *a, const void *b)
{
    return strcmp(((const struct container *)a)->id, ((const struct container *)b)->id);
}

static int compare_status(const void *a, const void *b)
{
    return strcmp(((const struct runtime_status *)a)->container_id, ((const struct runtime_status *)b)->container_id);
}

/* The engine's list is older than the rows: whatever it names had a row before, so one without a row is left over. */
static void remove_unknown(struct provisioner *provisioner, struct runtime *runtime, const struct runtime_status *found,
                           size_t count, const struct container_list *rows)
{
    for (size_t i = 0; i < count; i++) {
        struct container key = { 0 };
        struct err problem = ERR_INIT;
        memcpy(key.id, found[i].container_id, sizeof(key.id));
        if (rows->count > 0 && bsearch(&key, rows->items, rows->count, sizeof(key), compare_container))
            continue;
        bool removed = runtime_destroy(runtime, key.id, &problem) == 0;
        metrics_add(provisioner->config.metrics, METRIC_CONTAINERS_REMOVED, 0, 0, removed);
        provisioner->config.report(LOG_LEVEL_WARN,
                                   removed ? "container without a row removed"
                                           : "container without a row could not be removed",
                                   removed ? NULL : &problem, "container_id", key.id);
    }
}

static int drop_ended(struct provisioner *provisioner, struct err *err)
{
    struct db *db = provisioner->config.db;
    cleanup(string_list_release) struct string_list ended = { 0 };
    bool changed = false;
    if (replacement_repo_ended(db, provisioner->config.node_id, &ended, err) != 0)
        return -1;
    for (size_t i = 0; i < ended.count; i++)
        if (container_repo_delete(db, ended.items[i], &changed, err) != 0)
            return -1;
    return 0;
}

static int check_rows(struct provisioner *provisioner, const struct runtime_status *found, size_t count,
                      const struct container_list *rows, struct err *err)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct container *container = &rows->items[i];
        struct runtime_status key = { 0 };
        const struct runtime_status *seen = NULL;
        memcpy(key.container_id, container->id, sizeof(key.container_id));
        if (container->status != CONTAINER_WARM && container->status != CONTAINER_RUNNING)
            continue; /* a step is due: whoever has it cares */
        if (count > 0)
            seen = bsearch(&key, found, count, sizeof(key), compare_status);
        /* the list may be older than the container: it is asked about by name before anything is done */
        if ((!seen || seen->state != RUNTIME_RUNNING) && provision_examine(provisioner, container, err) != 0)
            return -1;
    }
    return drop_ended(provisioner, err);
}

int provision_reconcile(struct provisioner *provisioner, struct err *err)
{
    struct err problem = ERR_INIT;
    struct runtime_status *found = NULL;
    size_t count = 0;
    struct container_list rows = { 0 };
    struct runtime *runtime = provision_runtime(provisioner, &problem);
    if (!runtime || runtime_list(runtime, &found, &count, &problem) != 0)
        return 0; /* the node's row says that the engine is down */
    int result = container_repo_live(provisioner->config.db, provisioner->config.node_id, &rows, err);
    if (result == 0) {
        if (count > 0)
            qsort(found, count, sizeof(*found), compare_status);
        if (rows.count > 0)
            qsort(rows.items, rows.count, sizeof(*rows.items), compare_container);
        remove_unknown(provisioner, runtime, found, count, &rows);
        result = check_rows(provisioner, found, count, &rows, err);
    }
    container_list_release(&rows);
    free(found);
    return result;
}
