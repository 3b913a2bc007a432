/* SPDX-License-Identifier: Apache-2.0 */
/* Threads between libfcgi and the serving of requests. */
#include "fcgi/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "fcgi/connection.h"
#include "fcgi/serve.h"
#include "lib/io/doorbell.h"
#include "lib/service/sessions.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"
#include "lib/util/gather.h"
#include "lib/util/id.h"
#include "lib/util/turn.h"

enum {
    PATIENCE_MS = 20,
    FAR_US = 1000, /* a database whose answers take longer (another host's, a busy one) is waited for by several at once */
    LOOK_MAX_US = 8 * FAR_US, /* a look that took longer counts as this */
};

struct worker {
    const struct listener *listener;
    struct context context;
    struct server server;
    struct turn *turn;
    int place; /* where it waits for connections when it has the turn */
    _Atomic int64_t *look_us;
    pthread_t thread;
};

struct workers {
    struct wait_room room;
    struct db_pool *connections;
    struct turn *turn;
    int place;
    _Atomic int64_t look_us; /* how long look-ups ahead take, the last ones above all */
    struct gather *token_questions, *session_questions;
    size_t count; /* threads that run */
    struct worker *items;
};

/* What is there to be served, in its order. */
struct arrivals {
    struct connection *items[AHEAD_MAX];
    size_t count;
    int silent; /* a connection that came last and has said nothing yet, or -1: nobody waits for it */
};

/* false: there is no other to be had, or none that should be waited for. */
static bool open_next(struct worker *worker, struct arrivals *arrivals)
{
    int fd = listener_accept(worker->listener);
    if (fd < 0)
        return false;
    if (arrivals->count > 0 && !listener_heard(fd)) {
        arrivals->silent = fd;
        return false;
    }
    struct connection *connection = connection_open(&worker->server, worker->listener->socket, fd);
    if (!connection)
        return true;
    arrivals->items[arrivals->count++] = connection;
    return visit_is_short(connection_visit(connection));
}

/* Whether there is, at the end, what takes longer: others should be called for what comes meanwhile. */
static bool is_long(const struct arrivals *arrivals)
{
    size_t count = arrivals->count;
    return arrivals->silent >= 0 || (count > 0 && !visit_is_short(connection_visit(arrivals->items[count - 1])));
}

static void serve(struct connection *connection)
{
    if (!connection)
        return;
    visit_serve(connection_visit(connection));
    connection_close(connection);
}

/* What is refused needs no database, and does not wait for it. */
static void serve_refused(struct arrivals *arrivals)
{
    size_t left = 0;
    for (size_t i = 0; i < arrivals->count; i++) {
        struct visit *visit = connection_visit(arrivals->items[i]);
        if (visit_is_short(visit) && !visit_ahead(visit))
            serve(arrivals->items[i]);
        else
            arrivals->items[left++] = arrivals->items[i];
    }
    arrivals->count = left;
}

/* Of several that write at once one may be lost. */
static void note_look(struct worker *worker, int64_t us)
{
    int64_t before = atomic_load_explicit(worker->look_us, memory_order_relaxed);
    int64_t now = before + ((us < LOOK_MAX_US ? us : LOOK_MAX_US) - before) / 8;
    atomic_store_explicit(worker->look_us, now, memory_order_relaxed);
}

static bool database_is_far(const struct worker *worker)
{
    return atomic_load_explicit(worker->look_us, memory_order_relaxed) > FAR_US;
}

static void look_ahead(struct worker *worker, const struct arrivals *arrivals, struct err *failure)
{
    struct ahead *asked[AHEAD_MAX];
    size_t asking = 0;
    for (size_t i = 0; i < arrivals->count; i++) {
        struct ahead *ahead = visit_ahead(connection_visit(arrivals->items[i]));
        if (ahead)
            asked[asking++] = ahead;
    }
    if (asking == 0)
        return;
    int64_t began_us = clock_mono_us();
    ahead_find(&worker->context, asked, asking, failure);
    note_look(worker, clock_mono_us() - began_us);
}

/* With the turn: the others sleep while this one does what is short. Whether it has it still. */
static bool serve_some(struct worker *worker, uint64_t number)
{
    struct arrivals arrivals = { .silent = -1 };
    struct err failure = ERR_INIT;
    turn_work(worker->turn, number);
    while (arrivals.count < AHEAD_MAX && open_next(worker, &arrivals))
        continue;
    if (is_long(&arrivals) || database_is_far(worker))
        turn_pass(worker->turn, number);
    if (arrivals.count > 0)
        listener_take_turn(worker->listener, worker->place);
    serve_refused(&arrivals);
    look_ahead(worker, &arrivals, &failure);
    for (size_t i = 0; i < arrivals.count; i++)
        serve(arrivals.items[i]);
    if (arrivals.silent >= 0)
        serve(connection_open(&worker->server, worker->listener->socket, arrivals.silent));
    return turn_done(worker->turn, number);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    for (bool going_on = true; going_on;) {
        uint64_t number = turn_take(worker->turn);
        while ((going_on = listener_wait(worker->listener, worker->place)) && serve_some(worker, number))
            continue;
        turn_pass(worker->turn, number);
    }
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
        .turn = workers->turn,
        .place = workers->place,
        .look_us = &workers->look_us,
    };
    context->token_questions = workers->token_questions;
    context->session_questions = workers->session_questions;
    context->db = db_new_pooled(workers->connections);
    if (!context->db)
        err_internal(err, 0, "out of memory for a database connection");
    bool ready = context->db && context_open_storage(context, err) == 0;
    context->doorbell = ready ? doorbell_open(settings->doorbell.waiters, context->doorbell_address, err) : -1;
    return context->doorbell >= 0 ? 0 : -1;
}

static void release(struct worker *worker)
{
    db_free(worker->context.db);
    context_close_storage(&worker->context);
    if (worker->context.doorbell >= 0)
        close(worker->context.doorbell);
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
    turn_free(workers->turn);
    if (workers->place >= 0)
        close(workers->place);
    gather_free(workers->token_questions);
    gather_free(workers->session_questions);
    db_pool_free(workers->connections);
    free(workers->items);
    free(workers);
}

static int prepare_all(struct workers *workers, const struct worker_config *config, struct err *err)
{
    size_t wanted = (size_t)config->settings->api.threads;
    workers->place = -1;
    workers->room.seats = (int)config->settings->api.max_waiters;
    workers->items = calloc(wanted, sizeof(*workers->items));
    workers->connections = db_pool_new(&config->settings->database, wanted);
    workers->token_questions = token_service_gather();
    workers->session_questions = session_service_gather();
    if (!workers->items || !workers->connections || !workers->token_questions || !workers->session_questions)
        return err_internal(err, 0, "out of memory for threads");
    workers->turn = turn_new(PATIENCE_MS, err);
    workers->place = workers->turn ? listener_join(config->listener, err) : -1;
    return workers->place >= 0 ? 0 : -1;
}

struct workers *workers_start(const struct worker_config *config, struct err *err)
{
    size_t wanted = (size_t)config->settings->api.threads;
    struct workers *workers = calloc(1, sizeof(*workers));
    if (!workers || prepare_all(workers, config, err) != 0) {
        if (!workers)
            err_internal(err, 0, "out of memory for threads");
        release_all(workers);
        return NULL;
    }
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
