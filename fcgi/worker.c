/* SPDX-License-Identifier: Apache-2.0 */
/* Threads between libfcgi and the serving of requests. */
#include "fcgi/worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fcgi/serve.h"
#include "lib/io/doorbell.h"
#include "lib/service/sessions.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "lib/util/gather.h"
#include "lib/util/id.h"
#include "lib/util/log.h"

enum { CLIENT_SILENCE_S = 30, ACCEPT_PAUSE_US = 100000 };

struct worker {
    const struct listener *listener;
    struct context context;
    struct server server;
    int place; /* where it waits for connections */
    pthread_t thread;
};

struct workers {
    struct wait_room room;
    struct db_pool *connections;
    struct gather *token_questions, *session_questions;
    size_t count; /* threads that run */
    struct worker *items;
};

static long read_body(void *arg, char *buf, size_t len)
{
    FCGX_Request *request = arg;
    int got = FCGX_GetStr(buf, (int)len, request->in);
    return got == 0 && FCGX_GetError(request->in) != 0 ? -1 : got;
}

static int write_answer(void *arg, const char *data, size_t len)
{
    FCGX_Request *request = arg;
    return FCGX_PutStr(data, (int)len, request->out) < 0 ? -1 : 0;
}

/* Without the end that FastCGI has: the web server takes that for a failure, and breaks with the client. */
static void abort_answer(void *arg)
{
    FCGX_Request *request = arg;
    (void)FCGX_FFlush(request->out);
    (void)shutdown(request->ipcFd, SHUT_RDWR);
}

/* libfcgi has no time limits of its own: a web server that falls silent must not hold a thread for ever. */
static void limit_silence(int fd)
{
    const struct timeval limit = { .tv_sec = CLIENT_SILENCE_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Whether all that the web server had to say was read: what is left unread would tear the answer when the connection is closed. */
static bool heard_out(FCGX_Request *fcgi)
{
    const char *length = FCGX_GetParam("CONTENT_LENGTH", fcgi->envp);
    char none;
    bool empty = !length || !length[0] || strcmp(length, "0") == 0;
    return empty && FCGX_GetStr(&none, 1, fcgi->in) == 0 && FCGX_GetError(fcgi->in) == 0;
}

/* The connection is closed: idle, it would keep this thread from all others. libfcgi waits for the web server to close it first, so that nothing
 * unread is lost; without a body nothing is. */
static void finish(FCGX_Request *fcgi)
{
    fcgi->keepConnection = heard_out(fcgi);
    FCGX_Finish_r(fcgi);
    if (fcgi->ipcFd < 0)
        return;
    close(fcgi->ipcFd);
    fcgi->ipcFd = -1;
}

static void serve(struct worker *worker, FCGX_Request *fcgi)
{
    const struct request_source source = { .params = fcgi->envp, .read = read_body, .arg = fcgi };
    const struct response_sink sink = { .write = write_answer, .abort = abort_answer, .arg = fcgi };
    limit_silence(fcgi->ipcFd);
    serve_request(&worker->server, &source, fcgi->ipcFd, &sink);
    finish(fcgi);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    FCGX_Request fcgi;
    FCGX_InitRequest(&fcgi, worker->listener->socket, 0);
    while (listener_wait(worker->listener, worker->place)) {
        int status = FCGX_Accept_r(&fcgi);
        if (status == 0) {
            serve(worker, &fcgi);
            listener_take_turn(worker->listener, worker->place);
        } else if (status != -EAGAIN && status != -EINTR) { /* no descriptors left, say */
            usleep(ACCEPT_PAUSE_US);
        }
    }
    FCGX_Free(&fcgi, 1);
    return NULL;
}

static int prepare(struct worker *worker, const struct worker_config *config, struct workers *workers, struct err *err)
{
    const struct settings *settings = config->settings;
    struct context *context = &worker->context;
    *worker = (struct worker){
        .listener = config->listener,
        .context = { .settings = settings, .now_ms = clock_mono_ms, .random_id = id_random, .metrics = config->metrics },
        .server = { .context = context, .room = &workers->room, .http_metrics = config->http_metrics, .routes = route_table, .route_count = route_count },
        .place = -1,
    };
    context->token_questions = workers->token_questions;
    context->session_questions = workers->session_questions;
    context->db = db_new_pooled(workers->connections);
    if (!context->db)
        err_internal(err, 0, "out of memory for a database connection");
    bool ready = context->db && context_open_storage(context, err) == 0;
    context->doorbell = ready ? doorbell_open(settings->doorbell.waiters, context->doorbell_address, err) : -1;
    worker->place = context->doorbell >= 0 ? listener_join(config->listener, err) : -1;
    return worker->place >= 0 ? 0 : -1;
}

static void release(struct worker *worker)
{
    db_free(worker->context.db);
    context_close_storage(&worker->context);
    if (worker->context.doorbell >= 0)
        close(worker->context.doorbell);
    if (worker->place >= 0)
        close(worker->place);
}

static int start_one(struct workers *workers, const struct worker_config *config, struct err *err)
{
    struct worker *worker = &workers->items[workers->count];
    int status = prepare(worker, config, workers, err);
    if (status == 0) {
        int errnum = pthread_create(&worker->thread, NULL, run, worker);
        status = errnum ? err_internal(err, errnum, "cannot start a thread") : 0;
    }
    if (status == 0)
        workers->count++;
    else
        release(worker);
    return status;
}

static void release_all(struct workers *workers)
{
    if (!workers)
        return;
    gather_free(workers->token_questions);
    gather_free(workers->session_questions);
    db_pool_free(workers->connections);
    free(workers->items);
    free(workers);
}

struct workers *workers_start(const struct worker_config *config, struct err *err)
{
    size_t wanted = (size_t)config->settings->api.threads;
    struct workers *workers = calloc(1, sizeof(*workers));
    if (workers) {
        workers->items = calloc(wanted, sizeof(*workers->items));
        workers->connections = db_pool_new(&config->settings->database, wanted);
        workers->token_questions = token_service_gather();
        workers->session_questions = session_service_gather();
    }
    if (!workers || !workers->items || !workers->connections || !workers->token_questions || !workers->session_questions) {
        release_all(workers);
        err_internal(err, 0, "out of memory for threads");
        return NULL;
    }
    workers->room.seats = (int)config->settings->api.max_waiters;
    while (workers->count < wanted && start_one(workers, config, err) == 0)
        continue;
    if (workers->count == wanted)
        return workers;
    listener_stop(config->listener);
    workers_end(workers);
    return NULL;
}

void workers_tidy(struct workers *workers)
{
    db_pool_tidy(workers->connections);
}

void workers_end(struct workers *workers)
{
    atomic_store(&workers->room.closing, true);
    for (size_t i = 0; i < workers->count; i++) {
        pthread_join(workers->items[i].thread, NULL);
        release(&workers->items[i]);
    }
    release_all(workers);
}
