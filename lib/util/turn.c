/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of its own takes the turn from who is late. Its timer runs only while there is work, and is not set anew for each piece of it: so short ones
 * cost no system call. */
#include "lib/util/turn.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { NOBODY = 0, STACK_BYTES = 64 * 1024 };

struct turn {
    pthread_mutex_t lock;
    pthread_cond_t free;
    uint64_t holder, last; /* numbers of holding it */
    uint64_t piece;        /* of work; even: none is under way */
    bool watched;          /* the timer runs */
    atomic_bool ending;
    uint64_t watched_piece;
    int patience_ms, timer;
    pthread_t watchman;
};

/* With the lock held. */
static void set_timer(struct turn *turn)
{
    const struct itimerspec once = { .it_value = { .tv_sec = turn->patience_ms / 1000, .tv_nsec = (long)(turn->patience_ms % 1000) * 1000000 } };
    turn->watched_piece = turn->piece;
    turn->watched = timerfd_settime(turn->timer, 0, &once, NULL) == 0;
}

/* With the lock held, which it gives up first: whoever is called would only wait for it. */
static void let_go(struct turn *turn)
{
    turn->holder = NOBODY;
    turn->piece += turn->piece % 2;
    pthread_mutex_unlock(&turn->lock);
    pthread_cond_signal(&turn->free);
}

/* The time is over. */
static void look(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    turn->watched = false;
    if (turn->piece % 2 == 1 && turn->piece == turn->watched_piece) {
        let_go(turn);
        return;
    }
    if (turn->piece % 2 == 1)
        set_timer(turn);
    pthread_mutex_unlock(&turn->lock);
}

static void *watch(void *arg)
{
    struct turn *turn = arg;
    bool ending = false;
    while (!ending) {
        uint64_t times;
        if (read(turn->timer, &times, sizeof(times)) < 0 && errno != EINTR)
            break;
        look(turn);
        ending = atomic_load(&turn->ending);
    }
    return NULL;
}

static int start_watchman(struct turn *turn)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int errnum = pthread_create(&turn->watchman, &attributes, watch, turn);
    pthread_attr_destroy(&attributes);
    return errnum;
}

struct turn *turn_new(int patience_ms, struct err *err)
{
    struct turn *turn = calloc(1, sizeof(*turn));
    int timer = turn ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) : -1;
    if (timer >= 0) {
        *turn = (struct turn){ .patience_ms = patience_ms, .timer = timer };
        pthread_mutex_init(&turn->lock, NULL);
        pthread_cond_init(&turn->free, NULL);
        errno = start_watchman(turn);
        if (errno == 0)
            return turn;
        close(timer);
    }
    err_internal(err, errno, "cannot make a turn of threads");
    free(turn);
    return NULL;
}

void turn_free(struct turn *turn)
{
    const struct itimerspec now = { .it_value = { .tv_nsec = 1 } };
    if (!turn)
        return;
    atomic_store(&turn->ending, true);
    timerfd_settime(turn->timer, 0, &now, NULL);
    pthread_join(turn->watchman, NULL);
    close(turn->timer);
    pthread_cond_destroy(&turn->free);
    pthread_mutex_destroy(&turn->lock);
    free(turn);
}

uint64_t turn_take(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    while (turn->holder != NOBODY)
        pthread_cond_wait(&turn->free, &turn->lock);
    uint64_t number = turn->holder = ++turn->last;
    pthread_mutex_unlock(&turn->lock);
    return number;
}

void turn_work(struct turn *turn, uint64_t number)
{
    pthread_mutex_lock(&turn->lock);
    if (turn->holder == number) {
        turn->piece += 1 + turn->piece % 2;
        if (!turn->watched)
            set_timer(turn);
    }
    pthread_mutex_unlock(&turn->lock);
}

bool turn_done(struct turn *turn, uint64_t number)
{
    pthread_mutex_lock(&turn->lock);
    bool ours = turn->holder == number;
    if (ours)
        turn->piece += turn->piece % 2;
    pthread_mutex_unlock(&turn->lock);
    return ours;
}

void turn_pass(struct turn *turn, uint64_t number)
{
    pthread_mutex_lock(&turn->lock);
    if (turn->holder == number)
        let_go(turn);
    else
        pthread_mutex_unlock(&turn->lock);
}
