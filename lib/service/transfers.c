/* SPDX-License-Identifier: Apache-2.0 */
/* A queue, and threads around transfer_run(). */
#include "lib/service/transfers.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/service/transfer_run.h"

struct transfer_thread {
    struct transfers *transfers;
    pthread_t thread;
    struct transfer *current;
    int stop; /* eventfd: tells calls under way to end */
};

struct transfers {
    struct transfers_config config;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct transfer *queue, *ended; /* the oldest first, the latest first */
    size_t idle, count;
    atomic_bool stopping;
    int done; /* eventfd */
    struct transfer_thread threads[];
};

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    pull_result_release(&transfer->result);
    free(transfer);
}

static void ring(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof(one)); /* full: it rings already */
}

static void silence(int fd)
{
    uint64_t rings;
    (void)!read(fd, &rings, sizeof(rings));
}

static bool is_busy(const struct transfers *transfers, const char *container_id)
{
    for (size_t i = 0; i < transfers->count; i++)
        if (transfers->threads[i].current && strcmp(transfers->threads[i].current->container_id, container_id) == 0)
            return true;
    return false;
}

/* The oldest whose container is at rest. */
static struct transfer *next_of(struct transfers *transfers)
{
    for (struct transfer **link = &transfers->queue; *link; link = &(*link)->next) {
        struct transfer *transfer = *link;
        if (is_busy(transfers, transfer->container_id))
            continue;
        *link = transfer->next;
        transfer->next = NULL;
        return transfer;
    }
    return NULL;
}

/* Waits for one; NULL: the end. */
static struct transfer *begin(struct transfer_thread *thread)
{
    struct transfers *transfers = thread->transfers;
    struct transfer *transfer = NULL;
    pthread_mutex_lock(&transfers->mutex);
    while (!atomic_load(&transfers->stopping) && !(transfer = next_of(transfers))) {
        transfers->idle++;
        pthread_cond_wait(&transfers->wake, &transfers->mutex);
        transfers->idle--;
    }
    if (transfer) {
        if (!atomic_load(&transfer->abandoned))
            silence(thread->stop);
        thread->current = transfer;
        transfer->thread = thread;
    }
    pthread_mutex_unlock(&transfers->mutex);
    return transfer;
}

static void end(struct transfer_thread *thread, struct transfer *transfer)
{
    struct transfers *transfers = thread->transfers;
    pthread_mutex_lock(&transfers->mutex);
    thread->current = NULL;
    transfer->thread = NULL;
    transfer->next = transfers->ended;
    transfers->ended = transfer;
    pthread_cond_broadcast(&transfers->wake); /* the container is at rest */
    pthread_mutex_unlock(&transfers->mutex);
    ring(transfers->done);
}

static bool is_stopped(void *arg)
{
    const struct transfer_thread *thread = arg;
    return atomic_load(&thread->transfers->stopping) || atomic_load(&thread->current->abandoned);
}

static void *work(void *arg)
{
    struct transfer_thread *thread = arg;
    const struct transfers_config *config = &thread->transfers->config;
    struct transfer_tools tools = { .settings = config->settings, .report = config->report, .metrics = config->metrics,
                                    .stop = thread->stop, .stopped = is_stopped, .arg = thread };
    for (struct transfer *transfer; (transfer = begin(thread));) {
        transfer_run(&tools, transfer);
        end(thread, transfer);
    }
    transfer_tools_release(&tools);
    return NULL;
}

struct transfers *transfers_new(const struct transfers_config *config, struct err *err)
{
    size_t most = (size_t)config->settings->node.transfers;
    struct transfers *transfers = calloc(1, sizeof(*transfers) + most * sizeof(struct transfer_thread));
    int done = transfers ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    if (done < 0) {
        err_internal(err, errno, "making a pool of transfers");
        free(transfers);
        return NULL;
    }
    transfers->config = *config;
    transfers->done = done;
    pthread_mutex_init(&transfers->mutex, NULL);
    pthread_cond_init(&transfers->wake, NULL);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    pthread_mutex_lock(&transfers->mutex);
    atomic_store(&transfers->stopping, true);
    for (size_t i = 0; i < transfers->count; i++)
        ring(transfers->threads[i].stop);
    pthread_cond_broadcast(&transfers->wake);
    pthread_mutex_unlock(&transfers->mutex);
    for (size_t i = 0; i < transfers->count; i++) {
        pthread_join(transfers->threads[i].thread, NULL);
        close(transfers->threads[i].stop);
    }
    pthread_cond_destroy(&transfers->wake);
    pthread_mutex_destroy(&transfers->mutex);
    close(transfers->done);
    free(transfers);
}

int transfers_fd(const struct transfers *transfers)
{
    return transfers->done;
}

/* Under the lock. */
static int start_thread(struct transfers *transfers, struct err *err)
{
    struct transfer_thread *thread = &transfers->threads[transfers->count];
    *thread = (struct transfer_thread){ .transfers = transfers, .stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    if (thread->stop < 0)
        return err_internal(err, errno, "starting a thread for transfers");
    int failed = pthread_create(&thread->thread, NULL, work, thread);
    if (failed != 0) {
        close(thread->stop);
        return err_internal(err, failed, "starting a thread for transfers");
    }
    transfers->count++;
    return 0;
}

int transfers_submit(struct transfers *transfers, struct transfer *transfer, struct err *err)
{
    struct transfer **link = &transfers->queue;
    int status = 0;
    pthread_mutex_lock(&transfers->mutex);
    if (transfers->idle == 0 && transfers->count < (size_t)transfers->config.settings->node.transfers)
        status = start_thread(transfers, err);
    if (transfers->count > 0)
        status = 0; /* there are fewer than there might be */
    while (status == 0 && *link)
        link = &(*link)->next;
    if (status == 0) {
        transfer->next = NULL;
        *link = transfer;
        pthread_cond_signal(&transfers->wake);
    }
    pthread_mutex_unlock(&transfers->mutex);
    return status;
}

void transfers_abandon(struct transfers *transfers, struct transfer *transfer)
{
    pthread_mutex_lock(&transfers->mutex);
    atomic_store(&transfer->abandoned, true);
    if (transfer->thread)
        ring(transfer->thread->stop);
    pthread_mutex_unlock(&transfers->mutex);
}

struct transfer *transfers_take(struct transfers *transfers)
{
    pthread_mutex_lock(&transfers->mutex);
    silence(transfers->done);
    struct transfer *transfer = transfers->ended;
    if (transfer)
        transfers->ended = transfer->next;
    pthread_mutex_unlock(&transfers->mutex);
    return transfer;
}
