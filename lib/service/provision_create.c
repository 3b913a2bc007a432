/* SPDX-License-Identifier: Apache-2.0 */
/* Creating a container: engine, executor, and the one transaction that opens the session. */
#include <poll.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/service/metrics.h"
#include "lib/service/opening.h"
#include "lib/service/provision_internal.h"
#include "lib/service/replacing.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"

enum {
    START_LIMIT_MS = SESSION_START_LIMIT_S * 1000 - 3000, /* we know the reason better than the reaper: be first */
    HEALTH_LIMIT_MS = 20000, /* one try; an interpreter may have to be read from a cold disk */
    HEALTH_SLICE_MS = 500,   /* between looks whether the container still runs */
    PAUSE_FIRST_MS = 250,
    PAUSE_LONGEST_MS = 4000,
    POOL_PAUSE_LONGEST_MS = 60000, /* nobody waits for a warm container */
    POOL_LIMIT_MS = 10 * 60 * 1000,
    PREPARE_LIMIT_MS = 20000, /* nobody waits for a warm container; claimed earlier, it is of use as well */
    PREPARE_PAUSE_MS = 50,
    COMMIT_LIMIT_MS = 30000,
    COMMIT_PAUSE_MS = 250,
};

static bool is_warm(const struct container *container)
{
    return container->session_id[0] == '\0';
}

/* Whether the container has reported by itself; then it may be one that is never asked. */
static bool said_ready(struct provisioner *provisioner, const struct container *container)
{
    struct err ignored = ERR_INIT;
    struct container now = { 0 };
    bool ready = container_repo_get(provisioner->config.db, container->id, &now, &ignored) == 0 &&
                 now.status == CONTAINER_RUNNING;
    container_release(&now);
    return ready;
}

/* Waits for the executor, but no longer than its container runs. */
static int await_executor(struct provisioner *provisioner, const struct container *container, struct runtime *runtime,
                          int64_t limit_ms, struct err *err)
{
    int64_t end = clock_mono_ms() + (limit_ms < HEALTH_LIMIT_MS ? limit_ms : HEALTH_LIMIT_MS);
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct wire_health health;
    provision_aim(provisioner, container, &endpoint, &target);
    for (;;) {
        int64_t now = clock_mono_ms();
        int64_t slice = end - now < HEALTH_SLICE_MS ? end : now + HEALTH_SLICE_MS;
        if (execclient_health(provisioner->http, &target, slice, &health, err) == 0)
            return 0;
        if (err->code != ERR_TIMEOUT || clock_mono_ms() >= end)
            return -1;
        struct runtime_status status;
        struct err ignored = ERR_INIT;
        if (said_ready(provisioner, container))
            return 0;
        if (runtime_inspect(runtime, container->id, &status, &ignored) == 0 && status.state != RUNTIME_RUNNING)
            return err_set(err, ERR_INTERNAL, "Its executor ended right after the start (exit code %d).",
                           (int)status.exit_code);
    }
}

/* A warm container has imported what its template names before anybody gets it. Whatever goes wrong here is no reason not to give it. */
static void await_modules(struct provisioner *provisioner, const struct container *container)
{
    int64_t end = clock_mono_ms() + PREPARE_LIMIT_MS;
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct wire_health health = { 0 };
    struct err ignored = ERR_INIT;
    if (!is_warm(container) || strcmp(container->preload_json, "[]") == 0)
        return;
    provision_aim(provisioner, container, &endpoint, &target);
    while (clock_mono_ms() < end && execclient_health(provisioner->http, &target, clock_mono_ms() + HEALTH_SLICE_MS, &health, &ignored) == 0 &&
           health.preparing)
        poll(NULL, 0, PREPARE_PAUSE_MS);
}

static int bring_up(struct provisioner *provisioner, const struct container *container, int64_t limit_ms,
                    struct err *err)
{
    const struct runtime_spec spec = {
        .container_id = container->id,
        .secret = container->secret,
        .image = container->image,
        .oci_runtime = container->oci_runtime,
        .languages = container->languages,
        .preload_json = container->preload_json,
        .network_enabled = container->network_enabled,
        .read_only_root = container->read_only_root,
        .resources = container->resources,
    };
    int64_t begun = clock_mono_ms();
    struct runtime *runtime = provision_runtime(provisioner, err);
    if (!runtime || FAILPOINT_FAILS("provision.engine", err) != 0 || runtime_create(runtime, &spec, err) != 0)
        return -1;
    FAILPOINT("provision.created");
    if (await_executor(provisioner, container, runtime, limit_ms - (clock_mono_ms() - begun), err) != 0)
        return -1;
    await_modules(provisioner, container);
    return 0;
}

/* A commit whose outcome is not known is looked up: done again, it would take the running session for an ended one. */
static int open_again(struct db *db, struct opening *opening, struct err *err)
{
    struct container now = { 0 };
    if (container_repo_get(db, opening->container_id, &now, err) != 0)
        return -1;
    enum container_status status = now.status;
    container_release(&now);
    opening->opened = status == CONTAINER_WARM || status == CONTAINER_RUNNING;
    opening->waiting = opening->opened; /* ring, in case */
    return status == CONTAINER_CREATING ? db_transaction(db, opening_work, opening, err) : 0;
}

/* The engine has done its part; a database that is away must not make that worthless at once. */
static int open_container(struct provisioner *provisioner, struct opening *opening, struct err *err)
{
    struct db *db = provisioner->config.db;
    int64_t deadline = clock_mono_ms() + COMMIT_LIMIT_MS;
    int result = db_transaction(db, opening_work, opening, err);
    while (result != 0 && (err->code == ERR_UNCERTAIN || err->code == ERR_UNAVAILABLE) && clock_mono_ms() < deadline) {
        poll(NULL, 0, COMMIT_PAUSE_MS);
        result = open_again(db, opening, err);
    }
    if (result != 0 && err->code == ERR_CONFLICT)
        result = 0; /* the row has a removal due */
    FAILPOINT("provision.opened");
    if (result == 0 && opening->waiting > 0)
        doorbell_ring(provisioner->config.doorbell, provisioner->config.settings->doorbell.dispatchd,
                      opening->session_id);
    FAILPOINT("provision.rung");
    return result;
}

static int64_t pause_after(const struct container *container)
{
    int64_t longest = is_warm(container) ? POOL_PAUSE_LONGEST_MS : PAUSE_LONGEST_MS;
    int64_t pause = PAUSE_FIRST_MS;
    for (int64_t i = 1; i < container->attempts && pause < longest; i++)
        pause *= 2;
    return pause < longest ? pause : longest;
}

/* Whether another try could help somebody. */
static bool worth_again(const struct container *container, const struct err *problem, int64_t left_ms)
{
    if (is_warm(container))
        return left_ms > 0;
    if (problem->code == ERR_NOT_FOUND || problem->code == ERR_INVALID)
        return false;
    return left_ms > pause_after(container);
}

static int fail(struct provisioner *provisioner, const struct container *container, const struct err *problem,
                int64_t left_ms, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    char reason[sizeof(problem->text) + 64];
    bool wanted = false;
    if (worth_again(container, problem, left_ms)) {
        if (container_repo_again(config->db, container->id, config->claimed_by, pause_after(container), problem->text,
                                 &wanted, err) != 0)
            return -1;
        config->report(wanted ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                       wanted ? "container could not be made, will be tried again"
                              : "container is no longer wanted, its making was broken off",
                       wanted ? problem : NULL, "container_id", container->id);
        return 0;
    }
    config->report(LOG_LEVEL_ERROR, "container could not be made", problem, "container_id", container->id);
    snprintf(reason, sizeof(reason), "The sandbox could not be started: %s", problem->text);
    /* what cannot be made here may be made elsewhere; what took too long has no time left for that */
    const struct death how = { .reason = reason, .cause = DEATH_NOT_MADE };
    return left_ms > pause_after(container) ? provision_bury(provisioner, container, &how, err)
                                            : provision_give_up(provisioner, container, reason, err);
}

/* The row may have been removed by another worker before this one was done: nobody else would look for what it made. */
static void sweep(struct provisioner *provisioner, const struct container *container)
{
    struct err ignored = ERR_INIT; /* the next reconciliation finds what stays */
    if (provisioner->runtime)
        (void)!runtime_destroy(provisioner->runtime, container->id, &ignored);
}

/* By the database's clock. */
static void count_start(struct provisioner *provisioner, const char *id)
{
    struct metrics *metrics = provisioner->config.metrics;
    struct container now = { 0 };
    struct err ignored = ERR_INIT; /* one observation less */
    metrics_add(metrics, METRIC_CONTAINERS_CREATED, 0, 0, 1);
    if (!metrics || container_repo_get(provisioner->config.db, id, &now, &ignored) != 0)
        return;
    metrics_observe(metrics, METRIC_SESSION_START, 0, 0, (now.ready_at - now.created_at) * 1000);
    container_release(&now);
}

/* Its executor answers: the one transaction. */
static int open_made(struct provisioner *provisioner, const struct container *container, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    struct opening opening = { .container_id = container->id, .session_id = container->session_id, .claimed_by = config->claimed_by };
    FAILPOINT("provision.healthy");
    if (open_container(provisioner, &opening, err) != 0)
        return -1;
    if (!opening.opened) {
        sweep(provisioner, container);
        return 0;
    }
    config->report(LOG_LEVEL_INFO, "container ready", NULL, "container_id", container->id);
    if (is_warm(container))
        metrics_add(config->metrics, METRIC_CONTAINERS_CREATED, 0, 0, 1);
    else
        count_start(provisioner, container->id);
    return provision_note_image(provisioner, container, err);
}

int provision_create(struct provisioner *provisioner, const struct container *container, struct err *err)
{
    int64_t limit = is_warm(container) ? POOL_LIMIT_MS : START_LIMIT_MS;
    int64_t begun = clock_mono_ms();
    int64_t since = container->pulled_at > container->created_at ? container->pulled_at : container->created_at;
    int64_t left = limit - (container->seen_at - since);
    struct err problem = ERR_INIT;
    bool waits = false;
    if (left > 0 && (provision_await_image(provisioner, container, false, &waits, &problem, err) != 0 || waits))
        return waits ? 0 : -1;
    bool pulled = problem.code != ERR_NONE; /* and that has failed */
    if (left > 0 && !pulled && bring_up(provisioner, container, left, &problem) == 0)
        return open_made(provisioner, container, err);
    sweep(provisioner, container);
    if (problem.code == ERR_NOT_FOUND && !pulled && provision_lacks_image(provisioner, container) &&
        (provision_await_image(provisioner, container, true, &waits, &problem, err) != 0 || waits))
        return waits ? 0 : -1;
    if (problem.code == ERR_NONE)
        err_set(&problem, ERR_TIMEOUT, "%s",
                container->error && container->error[0] ? container->error : "no worker was free in time.");
    if (pulled)
        problem.code = ERR_NOT_FOUND; /* who pulls has tried again already */
    return fail(provisioner, container, &problem, left - (clock_mono_ms() - begun), err);
}
