/* SPDX-License-Identifier: Apache-2.0 */
/* A loop around relay_step(). */
#include "jobs/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/runtime/docker_target.h"
#include "lib/runtime/relay.h"

enum { WAIT_MS = 60000, PAUSE_MS = 500 };

struct relay_thread {
    struct relay *relay;
    report_fn report;
    atomic_bool stopping;
    pthread_t thread;
};

static void say(void *arg, const char *container_id, const struct err *err)
{
    const struct relay_thread *thread = arg;
    thread->report(LOG_LEVEL_WARN, "an executor was not reached through its engine", err, container_id[0] ? "container_id" : NULL,
                   container_id);
}

static void *run(void *arg)
{
    struct relay_thread *thread = arg;
    struct err err = ERR_INIT;
    while (!atomic_load(&thread->stopping))
        if (relay_step(thread->relay, WAIT_MS, &err) != 0) {
            thread->report(LOG_LEVEL_ERROR, "the relay fails", &err, NULL, NULL);
            poll(NULL, 0, PAUSE_MS);
        }
    return NULL;
}

int relay_thread_start(const struct provision_config *config, struct relay_thread **out, struct err *err)
{
    *out = NULL;
    if (!docker_target_remote(&config->settings->runtime))
        return 0;
    struct relay_thread *thread = calloc(1, sizeof(*thread));
    if (!thread)
        return err_internal(err, ENOMEM, "starting a relay");
    thread->report = config->report;
    thread->relay = relay_new(&config->settings->runtime, say, thread, err);
    int failed = thread->relay ? pthread_create(&thread->thread, NULL, run, thread) : -1;
    if (failed > 0)
        err_internal(err, failed, "starting a relay");
    if (failed != 0) {
        relay_free(thread->relay);
        free(thread);
        return -1;
    }
    *out = thread;
    return 0;
}

void relay_thread_stop(struct relay_thread *relay)
{
    if (!relay)
        return;
    atomic_store(&relay->stopping, true);
    relay_wake(relay->relay);
    pthread_join(relay->thread, NULL);
    relay_free(relay->relay);
    free(relay);
}
