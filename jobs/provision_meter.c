/* SPDX-License-Identifier: Apache-2.0 */
/* A loop around provision_measure(). */
#include "jobs/provision_meter.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { TICK_S = 1, SLICES = 10 };

struct provision_meter {
    struct provision_config config;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
    pthread_t thread;
};

/* False: the end. */
static bool wait_for_tick(struct provision_meter *meter)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += TICK_S;
    pthread_mutex_lock(&meter->mutex);
    while (!meter->stopping && pthread_cond_timedwait(&meter->wake, &meter->mutex, &end) != ETIMEDOUT)
        continue;
    bool go = !meter->stopping;
    pthread_mutex_unlock(&meter->mutex);
    return go;
}

static void *run(void *arg)
{
    struct provision_meter *meter = arg;
    struct provision_config config = meter->config;
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&config.settings->database);
    config.db = db;
    struct provisioner *provisioner = db ? provision_new(&config, &err) : NULL;
    if (!provisioner)
        config.report(LOG_LEVEL_ERROR, "nothing is measured", &err, NULL, NULL);
    for (int64_t tick = 0; provisioner && wait_for_tick(meter); tick++)
        /* that the database is away is said by the main thread; a measurement that found no way in is not missed */
        if (provision_measure(provisioner, tick % SLICES, SLICES, &err) != 0 && err.code == ERR_INTERNAL)
            config.report(LOG_LEVEL_ERROR, "measurements are not stored", &err, NULL, NULL);
    provision_free(provisioner);
    return NULL;
}

static void meter_free(struct provision_meter *meter)
{
    pthread_cond_destroy(&meter->wake);
    pthread_mutex_destroy(&meter->mutex);
    free(meter);
}

struct provision_meter *provision_meter_start(const struct provision_config *config, struct err *err)
{
    struct provision_meter *meter = calloc(1, sizeof(*meter));
    if (!meter) {
        err_internal(err, ENOMEM, "starting to measure");
        return NULL;
    }
    meter->config = *config;
    pthread_mutex_init(&meter->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&meter->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&meter->thread, NULL, run, meter);
    if (failed != 0) {
        err_internal(err, failed, "starting to measure");
        meter_free(meter);
        return NULL;
    }
    return meter;
}

void provision_meter_stop(struct provision_meter *meter)
{
    if (!meter)
        return;
    pthread_mutex_lock(&meter->mutex);
    meter->stopping = true;
    pthread_cond_broadcast(&meter->wake);
    pthread_mutex_unlock(&meter->mutex);
    pthread_join(meter->thread, NULL);
    meter_free(meter);
}
