/* SPDX-License-Identifier: Apache-2.0 */
/* Connections without a user: a stack, so that few are warm and the others grow old. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/io/db_internal.h"
#include "lib/util/clock.h"

enum {
    IDLE_MAX_MS = 10000,
    LENT_SOON = 8,   /* this many at once do: more are only opened for who has waited */
    WAIT_MS = 50,    /* so long: those that are lent may all wait for a lock */
};

struct idle {
    MYSQL *mysql;
    struct db_prepared *prepared;
    int64_t since_ms;
};

struct db_pool {
    const struct db_settings *settings;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    size_t lent;
    size_t count, keep;
    struct idle idle[]; /* the last was used last */
};

static void init_locks(struct db_pool *pool)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->given_back, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&pool->lock, NULL);
}

struct db_pool *db_pool_new(const struct db_settings *settings, size_t keep)
{
    struct db_pool *pool = calloc(1, sizeof(*pool) + keep * sizeof(pool->idle[0]));
    if (!pool)
        return NULL;
    pool->settings = settings;
    pool->keep = keep;
    init_locks(pool);
    return pool;
}

const struct db_settings *db_pool_settings(const struct db_pool *pool)
{
    return pool->settings;
}

static void close_idle(const struct idle *idle)
{
    struct db db = { .mysql = idle->mysql, .prepared = idle->prepared };
    db_disconnect(&db);
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->count; i++)
        close_idle(&pool->idle[i]);
    pthread_cond_destroy(&pool->given_back);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void await_one(struct db_pool *pool)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (pool->count == 0 && pool->lent >= LENT_SOON &&
           pthread_cond_timedwait(&pool->given_back, &pool->lock, &until) == 0)
        continue;
}

void db_pool_take(struct db *db)
{
    struct db_pool *pool = db->pool;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    if (!db->lent) {
        await_one(pool);
        pool->lent++;
        db->lent = true;
    }
    if (pool->count > 0) {
        const struct idle *last = &pool->idle[--pool->count];
        db->mysql = last->mysql;
        db->prepared = last->prepared;
    }
    pthread_mutex_unlock(&pool->lock);
}

void db_rest(struct db *db)
{
    struct db_pool *pool = db->pool;
    if (!db->lent || db->in_transaction)
        return;
    const struct idle given = { .mysql = db->mysql, .prepared = db->prepared, .since_ms = clock_mono_ms() };
    bool spare = false;
    db->mysql = NULL;
    db->prepared = NULL;
    db->lent = false;
    pthread_mutex_lock(&pool->lock);
    pool->lent--;
    if (given.mysql && pool->count < pool->keep)
        pool->idle[pool->count++] = given;
    else
        spare = given.mysql;
    pthread_cond_signal(&pool->given_back);
    pthread_mutex_unlock(&pool->lock);
    if (spare)
        close_idle(&given);
}

static bool take_old(struct db_pool *pool, int64_t before_ms, struct idle *out)
{
    pthread_mutex_lock(&pool->lock);
    bool found = pool->count > 0 && pool->idle[0].since_ms < before_ms;
    if (found) {
        *out = pool->idle[0];
        memmove(&pool->idle[0], &pool->idle[1], --pool->count * sizeof(pool->idle[0]));
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

void db_pool_tidy(struct db_pool *pool)
{
    struct idle old;
    int64_t before_ms = clock_mono_ms() - IDLE_MAX_MS;
    while (take_old(pool, before_ms, &old))
        close_idle(&old);
}
