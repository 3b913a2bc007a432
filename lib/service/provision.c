/* SPDX-License-Identifier: Apache-2.0 */
/* One provisioner: claims a step, has it done. */
#include "lib/service/provision.h"

#include <errno.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/service/metrics.h"
#include "lib/service/provision_internal.h"
#include "lib/service/replacing.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"
#include "lib/util/id.h"

enum {
    LEASE_MS = 90000, /* longer than any step: only a process that is gone loses it */
    DESTROY_PAUSE_FIRST_MS = 250,
    DESTROY_PAUSE_LONGEST_MS = 30000,
};

struct provisioner *provision_new(const struct provision_config *config, struct err *err)
{
    struct provisioner *provisioner = calloc(1, sizeof(*provisioner));
    struct http *http = provisioner ? http_new(err) : NULL;
    if (!http) {
        if (!provisioner)
            err_internal(err, ENOMEM, "making a provisioner");
        free(provisioner);
        return NULL;
    }
    *provisioner = (struct provisioner){
        .config = *config,
        .context = { .db = config->db,
                     .settings = config->settings,
                     .doorbell = config->doorbell,
                     .now_ms = clock_mono_ms,
                     .random_id = id_random,
                     .actor = { .name = "sandbox-provisiond" },
                     .metrics = config->metrics },
        .http = http,
    };
    return provisioner;
}

void provision_free(struct provisioner *provisioner)
{
    if (!provisioner)
        return;
    runtime_free(provisioner->runtime);
    http_free(provisioner->http);
    free(provisioner);
}

int provision_recover(struct db *db, const char *node_id, struct err *err)
{
    return container_repo_release_node(db, node_id, err);
}

struct runtime *provision_runtime(struct provisioner *provisioner, struct err *err)
{
    if (!provisioner->runtime)
        provisioner->runtime = runtime_open(&provisioner->config.settings->runtime, err);
    return provisioner->runtime;
}

void provision_aim(const struct provisioner *provisioner, const struct container *container,
                   struct runtime_endpoint *endpoint, struct exec_target *target)
{
    runtime_endpoint(&provisioner->config.settings->runtime, container->id, endpoint);
    *target = (struct exec_target){
        .unix_path = endpoint->unix_path, .url = endpoint->url, .secret = container->secret
    };
}

int provision_give_up(struct provisioner *provisioner, const struct container *container, const char *reason,
                      struct err *err)
{
    const struct session_ending how = { .status = SESSION_FAILED, .kind = "session_failed", .reason = reason,
                                        .container_id = container->id };
    bool changed = false;
    metrics_add(provisioner->config.metrics, METRIC_CONTAINERS_FAILED, 0, 0, 1);
    if (container->session_id[0] &&
        session_service_end(&provisioner->context, container->session_id, &how, &changed, err) != 0)
        return -1;
    if (changed)
        provisioner->config.report(LOG_LEVEL_WARN, reason, NULL, "session_id", container->session_id);
    /* a warm one, or one whose session had ended before */
    return container_repo_delete(provisioner->config.db, container->id, &changed, err);
}

static int replace(struct provisioner *provisioner, const struct container *container, const struct death *how, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    struct death death = *how;
    death.session_id = container->session_id;
    death.container_id = container->id;
    enum death_outcome outcome;
    struct err why = ERR_INIT;
    bool changed = false;
    if (session_service_replace(&provisioner->context, &death, &outcome, err) != 0)
        return err->code == ERR_SESSION_NOT_FOUND ? container_repo_delete(config->db, container->id, &changed, err) : -1;
    err_set(&why, ERR_INTERNAL, "%s", how->reason);
    if (outcome == DEATH_REPLACED)
        config->report(LOG_LEVEL_WARN, "sandbox died, its session gets another one", &why, "session_id", container->session_id);
    if (outcome == DEATH_FAILED)
        config->report(LOG_LEVEL_WARN, "sandbox died, its session has failed", &why, "session_id", container->session_id);
    return 0;
}

/* One of the pool's; *changed_out false: a session was given it meanwhile. */
static int discard(struct provisioner *provisioner, const struct container *container, const struct death *how, bool *changed_out,
                   struct err *err)
{
    struct death death = *how;
    struct err why = ERR_INIT;
    death.container_id = container->id;
    if (container_repo_discard(provisioner->config.db, container->id, changed_out, err) != 0)
        return -1;
    if (!*changed_out)
        return 0;
    err_set(&why, ERR_INTERNAL, "%s", how->reason);
    provisioner->config.report(LOG_LEVEL_WARN, "warm sandbox died", &why, "container_id", container->id);
    return death_record(provisioner->config.db, &death, err);
}

int provision_bury(struct provisioner *provisioner, const struct container *container, const struct death *how, struct err *err)
{
    struct db *db = provisioner->config.db;
    bool changed = false;
    metrics_add(provisioner->config.metrics, METRIC_CONTAINERS_FAILED, 0, 0, 1);
    if (container->session_id[0])
        return replace(provisioner, container, how, err);
    if (discard(provisioner, container, how, &changed, err) != 0)
        return -1;
    if (changed)
        return 0;
    cleanup(container_release) struct container now = { 0 }; /* a session was given it meanwhile */
    if (container_repo_get(db, container->id, &now, err) != 0)
        return -1;
    return now.session_id[0] ? replace(provisioner, &now, how, err) : 0;
}

static int64_t destroy_pause(int64_t attempts)
{
    int64_t pause = DESTROY_PAUSE_FIRST_MS;
    for (int64_t i = 1; i < attempts && pause < DESTROY_PAUSE_LONGEST_MS; i++)
        pause *= 2;
    return pause < DESTROY_PAUSE_LONGEST_MS ? pause : DESTROY_PAUSE_LONGEST_MS;
}

int provision_destroy(struct provisioner *provisioner, const struct container *container, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    struct err problem = ERR_INIT;
    struct runtime *runtime = provision_runtime(provisioner, &problem);
    FAILPOINT("remove.claimed");
    if (runtime && FAILPOINT_FAILS("remove.engine", &problem) == 0 && runtime_destroy(runtime, container->id, &problem) == 0) {
        FAILPOINT("remove.destroyed");
        metrics_add(config->metrics, METRIC_CONTAINERS_REMOVED, 0, 0, 1);
        if (container_repo_deleted(config->db, container->id, err) != 0)
            return -1;
        FAILPOINT("remove.recorded");
        return session_service_place_waiting(&provisioner->context, err); /* there is room now */
    }
    bool changed = false;
    config->report(LOG_LEVEL_WARN, "container could not be removed, will be tried again", &problem, "container_id",
                   container->id);
    return container_repo_again(config->db, container->id, config->claimed_by, destroy_pause(container->attempts),
                                problem.text, &changed, err);
}

static int work(struct provisioner *provisioner, bool *worked_out, struct err *err)
{
    static const enum work_order orders[] = { [PROVISION_ANYTHING] = WORK_SESSIONS_FIRST,
                                              [PROVISION_REMOVALS_FIRST] = WORK_REMOVALS_FIRST,
                                              [PROVISION_NOT_THE_POOL] = WORK_NOT_THE_POOL };
    const struct provision_config *config = &provisioner->config;
    struct container_list due = { 0 };
    int result = container_repo_claim_work(config->db, config->node_id, config->claimed_by, orders[config->takes], LEASE_MS, 1, &due,
                                           err);
    for (size_t i = 0; result == 0 && i < due.count; i++) {
        const struct container *container = &due.items[i];
        *worked_out = true;
        FAILPOINT("provision.claimed");
        result = container->status == CONTAINER_CREATING ? provision_create(provisioner, container, err)
                                                         : provision_destroy(provisioner, container, err);
    }
    container_list_release(&due);
    return result;
}

static int examine(struct provisioner *provisioner, bool *worked_out, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    struct container_list suspects = { 0 };
    int result = container_repo_take_suspects(config->db, config->node_id, 1, &suspects, err);
    for (size_t i = 0; result == 0 && i < suspects.count; i++) {
        *worked_out = true;
        result = provision_examine(provisioner, &suspects.items[i], err);
    }
    container_list_release(&suspects);
    return result;
}

/* A step that failed, or a claim whose outcome is not known, left leases: nobody else works on them. */
static int recover(struct provisioner *provisioner, struct err *err)
{
    if (provisioner->recover &&
        container_repo_release(provisioner->config.db, provisioner->config.claimed_by, err) != 0)
        return -1;
    provisioner->recover = false;
    return 0;
}

static int step(struct provisioner *provisioner, bool *worked_out, struct err *err)
{
    if (recover(provisioner, err) != 0 || work(provisioner, worked_out, err) != 0)
        return -1;
    if (!*worked_out && examine(provisioner, worked_out, err) != 0)
        return -1;
    /* in between, however much there is to be made: somebody waits */
    return provision_answer(provisioner, worked_out, err);
}

int provision_step(struct provisioner *provisioner, bool *worked_out, struct err *err)
{
    *worked_out = false;
    int result = step(provisioner, worked_out, err);
    provisioner->recover |= result != 0;
    return result;
}
