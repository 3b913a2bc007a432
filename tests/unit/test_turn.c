/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that hold a turn. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/util/clock.h"
#include "lib/util/turn.h"
#include "tests/unit/unit_test.h"

enum { THREADS = 8, TIMES = 500, PATIENCE_MS = 100, EVER_MS = 10000 };

static struct turn *turn;
static atomic_int holding, together, done;

static void make_turn(void)
{
    struct err err = ERR_INIT;
    turn = turn_new(PATIENCE_MS, &err);
    ck_assert_ptr_nonnull(turn);
    holding = together = done = 0;
}

static void *hold_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        uint64_t number = turn_take(turn);
        turn_work(turn, number);
        if (atomic_fetch_add(&holding, 1) > 0)
            atomic_fetch_add(&together, 1);
        atomic_fetch_sub(&holding, 1);
        if (i % 2)
            ck_assert(turn_done(turn, number));
        turn_pass(turn, number);
        ck_assert(!turn_done(turn, number));
        turn_pass(turn, number); /* is somebody else's by now */
    }
    return NULL;
}

START_TEST(test_turn__is_held_by_one_and_goes_round)
{
    pthread_t threads[THREADS];
    make_turn();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_often, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(together, 0);
    turn_free(turn);
}
END_TEST

static void *take_once(void *arg)
{
    *(uint64_t *)arg = turn_take(turn);
    atomic_store(&done, 1);
    return NULL;
}

static void await_done(void)
{
    int64_t end = clock_mono_ms() + EVER_MS;
    const struct timespec wait = { .tv_nsec = 1000000 };
    while (!atomic_load(&done)) {
        ck_assert_msg(clock_mono_ms() < end, "nobody takes the turn from who hangs");
        nanosleep(&wait, NULL);
    }
}

START_TEST(test_turn__who_hangs_loses_it)
{
    pthread_t thread;
    make_turn();
    uint64_t next = 0, number = turn_take(turn);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_once, &next), 0);
    int64_t start = clock_mono_ms();
    turn_work(turn, number);
    await_done();
    pthread_join(thread, NULL);
    ck_assert_int_ge(clock_mono_ms() - start, PATIENCE_MS - 1);
    ck_assert(!turn_done(turn, number));
    turn_pass(turn, number); /* says nothing about the turn of the other */
    turn_work(turn, next);
    ck_assert(turn_done(turn, next));
    turn_free(turn);
}
END_TEST

/* For longer than anybody has patience, but never long at a time; and waiting for work is no work. */
START_TEST(test_turn__short_pieces_and_waiting_keep_it)
{
    pthread_t thread;
    make_turn();
    uint64_t next = 0, number = turn_take(turn);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_once, &next), 0);
    for (int64_t end = clock_mono_ms() + 5 * PATIENCE_MS; clock_mono_ms() < end;) {
        turn_work(turn, number);
        ck_assert(turn_done(turn, number));
    }
    const struct timespec wait = { .tv_nsec = 4 * PATIENCE_MS * 1000000 };
    nanosleep(&wait, NULL);
    ck_assert_int_eq(done, 0);
    turn_pass(turn, number);
    pthread_join(thread, NULL);
    ck_assert_uint_gt(next, number);
    turn_free(turn);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_turn__is_held_by_one_and_goes_round, test_turn__who_hangs_loses_it,
                                   test_turn__short_pieces_and_waiting_keep_it };
    return unit_test_run("turn", tests, UNIT_TEST_COUNT(tests));
}
