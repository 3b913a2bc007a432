/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads around provision_step(). */
#include "jobs/provision_workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum {
    PAUSE_MS = 500, /* of a worker whose database does not answer */
    NAME_SIZE = 65,
};

struct provision_workers {
    struct provision_config config;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    size_t looks;  /* how many workers are asked to look */
    bool reserved_looks; /* the one that is kept for sessions is asked, too */
    size_t active; /* how many are looking or at work */
    size_t count;
    size_t named; /* how many have taken their name */
    bool stopping;
    pthread_t threads[];
};

/* Of several workers one never makes containers of the pool: however much that wants, sessions do not wait for it. */
static bool has_reserved(const struct provision_workers *workers)
{
    return workers->config.settings->node.workers > 1;
}

static void ask(struct provision_workers *workers, size_t looks)
{
    if (workers->looks < looks)
        workers->looks = looks;
    workers->reserved_looks = has_reserved(workers);
    pthread_cond_broadcast(&workers->wake);
}

void provision_workers_wake(struct provision_workers *workers, bool all)
{
    pthread_mutex_lock(&workers->mutex);
    ask(workers, all ? workers->count : 1);
    pthread_mutex_unlock(&workers->mutex);
}

bool provision_workers_busy(struct provision_workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    bool busy = workers->active + workers->looks > 0 || workers->reserved_looks;
    pthread_mutex_unlock(&workers->mutex);
    return busy;
}

/* Waits to be asked; false: the end. */
static bool wait_for_look(struct provision_workers *workers, bool reserved)
{
    pthread_mutex_lock(&workers->mutex);
    while (!(reserved ? workers->reserved_looks : workers->looks > 0) && !workers->stopping)
        pthread_cond_wait(&workers->wake, &workers->mutex);
    bool go = !workers->stopping;
    if (go && reserved)
        workers->reserved_looks = false;
    else if (go)
        workers->looks--;
    workers->active += go;
    pthread_mutex_unlock(&workers->mutex);
    return go;
}

/* After a look: if it found something, there may be more, for this one and for another. */
static void end_look(struct provision_workers *workers, bool worked)
{
    pthread_mutex_lock(&workers->mutex);
    workers->active--;
    if (worked)
        ask(workers, workers->looks + 2 < workers->count ? workers->looks + 2 : workers->count);
    pthread_mutex_unlock(&workers->mutex);
}

static void pause_worker(struct provision_workers *workers)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += PAUSE_MS * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&workers->mutex);
    while (!workers->stopping && pthread_cond_timedwait(&workers->wake, &workers->mutex, &end) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&workers->mutex);
}

static void look(struct provision_workers *workers, struct provisioner *provisioner)
{
    bool worked = false;
    struct err err = ERR_INIT;
    if (provision_step(provisioner, &worked, &err) != 0) {
        /* that the database is away is said once, by the main thread */
        if (err.code != ERR_UNAVAILABLE && err.code != ERR_UNCERTAIN)
            workers->config.report(LOG_LEVEL_ERROR, "container step failed", &err, NULL, NULL);
        pause_worker(workers);
    }
    end_look(workers, worked);
}

/* Each has its own leases, so that it can end them without those of the others. Of several, one has removals first, which make room,
 * however many sessions are made. */
static void take_name(struct provision_workers *workers, struct provision_config *config, char *out, size_t size)
{
    pthread_mutex_lock(&workers->mutex);
    size_t number = workers->named++;
    pthread_mutex_unlock(&workers->mutex);
    if (number == 0 && has_reserved(workers))
        config->takes = PROVISION_NOT_THE_POOL;
    if (number == 1)
        config->takes = PROVISION_REMOVALS_FIRST;
    snprintf(out, size, "%s#%zu", workers->config.claimed_by, number);
}

static void *worker(void *arg)
{
    struct provision_workers *workers = arg;
    struct provision_config config = workers->config;
    char name[NAME_SIZE];
    take_name(workers, &config, name, sizeof(name));
    config.claimed_by = name;
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&config.settings->database);
    config.db = db;
    struct provisioner *provisioner = db ? provision_new(&config, &err) : NULL;
    if (!provisioner)
        config.report(LOG_LEVEL_ERROR, "a worker cannot start", &err, NULL, NULL);
    while (provisioner && wait_for_look(workers, config.takes == PROVISION_NOT_THE_POOL))
        look(workers, provisioner);
    provision_free(provisioner);
    return NULL;
}

struct provision_workers *provision_workers_start(const struct provision_config *config, struct err *err)
{
    size_t wanted = (size_t)config->settings->node.workers;
    struct provision_workers *workers = calloc(1, sizeof(*workers) + wanted * sizeof(pthread_t));
    if (!workers) {
        err_internal(err, ENOMEM, "starting workers");
        return NULL;
    }
    workers->config = *config;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    workers->looks = wanted;
    workers->reserved_looks = has_reserved(workers);
    while (workers->count < wanted) {
        int failed = pthread_create(&workers->threads[workers->count], NULL, worker, workers);
        if (failed != 0) {
            err_internal(err, failed, "starting worker %zu", workers->count);
            provision_workers_stop(workers);
            return NULL;
        }
        workers->count++;
    }
    return workers;
}

void provision_workers_stop(struct provision_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->mutex);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->mutex);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
