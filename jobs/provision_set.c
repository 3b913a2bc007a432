/* SPDX-License-Identifier: Apache-2.0 */
/* A thread around node_agent_beat() and provision_reconcile(), with workers and a meter. */
#include "jobs/provision_set.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "jobs/provision_meter.h"
#include "jobs/provision_workers.h"
#include "jobs/relay.h"
#include "lib/service/node_agent.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"

enum {
    RECONCILE_MS = 10000,
    PAUSE_MS = 500, /* after a failure of the database */
    NAME_SIZE = 65,
};

struct provision_set {
    struct provision_config config; /* db: the thread's own */
    struct node added;              /* engine NULL: the host's own node */
    struct settings *settings;      /* NULL: the host's own */
    char node_id[NODE_ID_SIZE], claimed_by[NAME_SIZE];
    bool once;

    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping, ended;
    bool failing;
    struct err failure;
    struct provision_workers *workers; /* NULL until the first look has cleared up */
    pthread_t thread;

    /* the thread's own */
    struct provision_meter *meter;
    struct relay_thread *relay; /* NULL: its executors are reached directly */
    struct node_agent *agent;
    struct provisioner *provisioner; /* compares only */
    int64_t beat_due_ms, images_due_ms, reconcile_due_ms;
};

static int beat(struct provision_set *set, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < set->beat_due_ms)
        return 0;
    if (node_agent_beat(set->agent, err) != 0)
        return -1;
    set->beat_due_ms = now + NODE_BEAT_MS;
    return 0;
}

static int list_images(struct provision_set *set, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < set->images_due_ms)
        return 0;
    if (node_agent_images(set->agent, err) != 0)
        return -1;
    set->images_due_ms = now + NODE_IMAGES_MS;
    return 0;
}

static int reconcile(struct provision_set *set, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < set->reconcile_due_ms)
        return 0;
    if (provision_reconcile(set->provisioner, err) != 0)
        return -1;
    set->reconcile_due_ms = now + RECONCILE_MS;
    if (set->workers)
        provision_workers_wake(set->workers, true); /* it may have ordered removals */
    return 0;
}

static int open_pulls(struct provision_set *set, struct err *err)
{
    const struct settings *settings = set->config.settings;
    bool wanted = strcmp(settings->runtime.pull, "missing") == 0;
    if (wanted && !set->config.pulls)
        set->config.pulls = image_pulls_new(settings, set->config.report, err);
    return !wanted || set->config.pulls ? 0 : -1;
}

/* What an earlier process left is cleared up before anything new is begun. */
static int start_workers(struct provision_set *set, struct err *err)
{
    if (!set->workers) {
        if (provision_recover(set->config.db, set->node_id, err) != 0 || open_pulls(set, err) != 0)
            return -1;
        struct provision_workers *workers = provision_workers_start(&set->config, err);
        pthread_mutex_lock(&set->mutex);
        set->workers = workers;
        pthread_mutex_unlock(&set->mutex);
    }
    if (set->workers && !set->once && !set->meter)
        set->meter = provision_meter_start(&set->config, err);
    return set->workers && (set->once || set->meter) ? 0 : -1;
}

static void note(struct provision_set *set, const struct err *failure)
{
    pthread_mutex_lock(&set->mutex);
    set->failing = failure != NULL;
    if (failure)
        set->failure = *failure;
    pthread_mutex_unlock(&set->mutex);
}

/* False: the end. */
static bool wait_until(struct provision_set *set, int64_t due_ms)
{
    int64_t left = due_ms - clock_mono_ms();
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += (left > 0 ? left % 1000 : 0) * 1000000L;
    end.tv_sec += (left > 0 ? left / 1000 : 0) + end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&set->mutex);
    while (!set->stopping && pthread_cond_timedwait(&set->wake, &set->mutex, &end) != ETIMEDOUT)
        continue;
    bool go = !set->stopping;
    pthread_mutex_unlock(&set->mutex);
    return go;
}

static int open_tools(struct provision_set *set, struct err *err)
{
    set->config.db = db_new(&set->config.settings->database);
    if (!set->config.db)
        return err_internal(err, ENOMEM, "serving node %s", set->node_id);
    set->agent = node_agent_new(set->config.db, set->config.settings, set->settings ? &set->added : NULL, set->config.report, err);
    set->provisioner = set->agent ? provision_new(&set->config, err) : NULL;
    return set->provisioner ? relay_thread_start(&set->config, &set->relay, err) : -1;
}

static void close_tools(struct provision_set *set)
{
    provision_meter_stop(set->meter);
    pthread_mutex_lock(&set->mutex);
    struct provision_workers *workers = steal(set->workers);
    pthread_mutex_unlock(&set->mutex);
    provision_workers_stop(workers);
    relay_thread_stop(set->relay);
    image_pulls_free(set->config.pulls);
    provision_free(set->provisioner);
    node_agent_free(set->agent);
    db_free(set->config.db);
}

static void *run(void *arg)
{
    struct provision_set *set = arg;
    struct err err = ERR_INIT;
    int64_t due = 0;
    bool open = open_tools(set, &err) == 0;
    if (!open)
        set->config.report(LOG_LEVEL_ERROR, "a node cannot be served", &err, "node_id", set->node_id);
    while (open && wait_until(set, due)) {
        bool good = beat(set, &err) == 0 && list_images(set, &err) == 0 && reconcile(set, &err) == 0 && start_workers(set, &err) == 0;
        note(set, good ? NULL : &err);
        due = !good ? clock_mono_ms() + PAUSE_MS : set->beat_due_ms < set->reconcile_due_ms ? set->beat_due_ms : set->reconcile_due_ms;
    }
    if (!open)
        note(set, &err);
    close_tools(set);
    pthread_mutex_lock(&set->mutex);
    set->ended = true;
    pthread_mutex_unlock(&set->mutex);
    return NULL;
}

static void release(struct provision_set *set)
{
    pthread_cond_destroy(&set->wake);
    pthread_mutex_destroy(&set->mutex);
    node_release(&set->added);
    free(set->settings);
    free(set);
}

static void init_locks(struct provision_set *set)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&set->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&set->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* Names of workers tell the nodes apart, for each ends only its own leases. */
static int take_node(struct provision_set *set, const struct provision_config *config, const struct node *added, struct err *err)
{
    char tag[NODE_TAG_SIZE] = "";
    struct node *copy = &set->added;
    snprintf(set->node_id, sizeof(set->node_id), "%s", added ? added->id : config->node_id);
    if (added) {
        node_tag(added->id, tag);
        *copy = (struct node){ .cpu_limit_milli = added->cpu_limit_milli, .memory_limit_mb = added->memory_limit_mb,
                               .containers_limit = added->containers_limit, .engine = strdup(added->engine),
                               .tls_directory = strdup(added->tls_directory) };
        memcpy(copy->id, added->id, sizeof(copy->id));
        if (!copy->engine || !copy->tls_directory)
            return err_internal(err, ENOMEM, "serving node %s", set->node_id);
        if (!(set->settings = served_settings_new(config->settings, added, err)))
            return -1;
    }
    snprintf(set->claimed_by, sizeof(set->claimed_by), "%.50s%s%s", config->claimed_by, added ? "@" : "", added ? strchr(tag, '-') + 1 : "");
    set->config = *config;
    set->config.node_id = set->node_id;
    set->config.claimed_by = set->claimed_by;
    set->config.settings = set->settings ? set->settings : config->settings;
    return 0;
}

struct provision_set *provision_set_start(const struct provision_config *config, const struct node *added, bool once, struct err *err)
{
    struct provision_set *set = calloc(1, sizeof(*set));
    if (!set) {
        err_internal(err, ENOMEM, "serving a node");
        return NULL;
    }
    set->once = once;
    init_locks(set);
    int failed = take_node(set, config, added, err) == 0 ? pthread_create(&set->thread, NULL, run, set) : -1;
    if (failed > 0)
        err_internal(err, failed, "starting to serve node %s", set->node_id);
    if (failed == 0)
        return set;
    release(set);
    return NULL;
}

const char *provision_set_node(const struct provision_set *set)
{
    return set->node_id;
}

bool provision_set_is(const struct provision_set *set, const struct node *added)
{
    const struct node *now = &set->added;
    return set->settings && strcmp(now->id, added->id) == 0 && strcmp(now->engine, added->engine) == 0 &&
           strcmp(now->tls_directory, added->tls_directory) == 0 && now->cpu_limit_milli == added->cpu_limit_milli &&
           now->memory_limit_mb == added->memory_limit_mb && now->containers_limit == added->containers_limit;
}

void provision_set_wake(struct provision_set *set, bool all)
{
    pthread_mutex_lock(&set->mutex);
    if (set->workers)
        provision_workers_wake(set->workers, all);
    pthread_mutex_unlock(&set->mutex);
}

bool provision_set_busy(struct provision_set *set)
{
    pthread_mutex_lock(&set->mutex);
    bool busy = !set->ended && (!set->workers || provision_workers_busy(set->workers));
    pthread_mutex_unlock(&set->mutex);
    return busy;
}

int provision_set_check(struct provision_set *set, struct err *err)
{
    pthread_mutex_lock(&set->mutex);
    bool failing = set->failing;
    if (failing)
        *err = set->failure;
    pthread_mutex_unlock(&set->mutex);
    return failing ? -1 : 0;
}

void provision_set_end(struct provision_set *set)
{
    pthread_mutex_lock(&set->mutex);
    set->stopping = true;
    pthread_cond_broadcast(&set->wake);
    pthread_mutex_unlock(&set->mutex);
}

bool provision_set_ended(struct provision_set *set)
{
    pthread_mutex_lock(&set->mutex);
    bool ended = set->stopping && set->ended;
    pthread_mutex_unlock(&set->mutex);
    return ended;
}

void provision_set_free(struct provision_set *set)
{
    if (!set)
        return;
    provision_set_end(set);
    pthread_join(set->thread, NULL);
    release(set);
}
