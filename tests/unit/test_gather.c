/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that ask together. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "lib/util/gather.h"
#include "tests/unit/unit_test.h"

enum { THREADS = 12, QUESTIONS = 400, MOST = 4, PAUSE_US = 200 };

struct question {
    int number, answer;
};

static atomic_int calls, answered;

static void pause_us(long us)
{
    const struct timespec wait = { .tv_nsec = us * 1000 };
    nanosleep(&wait, NULL);
}

static int double_all(void *asker, void *const *questions, size_t count, struct err *err)
{
    bool fail = false;
    ck_assert(asker && count >= 1 && count <= MOST);
    pause_us(PAUSE_US);
    for (size_t i = 0; i < count; i++) {
        struct question *question = questions[i];
        ck_assert_int_eq(question->answer, -1);
        question->answer = question->number * 2;
        fail |= question->number < 0;
    }
    atomic_fetch_add(&calls, 1);
    atomic_fetch_add(&answered, (int)count);
    return fail ? err_set(err, ERR_UNAVAILABLE, "One is below zero.") : 0;
}

struct asker {
    struct gather *gather;
    int first, wrong;
};

static void *ask_many(void *arg)
{
    struct asker *asker = arg;
    for (int i = 0; i < QUESTIONS; i++) {
        struct err err = ERR_INIT;
        struct question question = { .number = asker->first + i, .answer = -1 };
        int status = gather_ask(asker->gather, &question, asker, &err);
        asker->wrong += status != 0 || question.answer != question.number * 2;
    }
    return NULL;
}

START_TEST(test_gather__each_gets_its_own_answer_and_few_are_asked_alone)
{
    struct gather *gather = gather_new(double_all, MOST, 1);
    pthread_t threads[THREADS];
    struct asker askers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){ .gather = gather, .first = i * QUESTIONS };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_many, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(askers[i].wrong, 0);
    }
    gather_free(gather);
    ck_assert_int_eq(answered, THREADS * QUESTIONS);
    ck_assert_int_lt(calls, THREADS * QUESTIONS / 2);
}
END_TEST

START_TEST(test_gather__who_comes_alone_asks_at_once_and_hears_of_failures)
{
    struct gather *gather = gather_new(double_all, MOST, 1);
    struct err err = ERR_INIT;
    struct question fine = { .number = 21, .answer = -1 }, bad = { .number = -1, .answer = -1 };
    int asker = 0;
    ck_assert_int_eq(gather_ask(gather, &fine, &asker, &err), 0);
    ck_assert_int_eq(fine.answer, 42);
    ck_assert_int_eq(gather_ask(gather, &bad, &asker, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    gather_free(gather);
}
END_TEST

static sem_t begun, let_go;
static atomic_int waiting;

/* The first hangs until it is let go; the others are answered. */
static int hang_first(void *asker, void *const *questions, size_t count, struct err *err)
{
    struct question *question = questions[0];
    (void)asker;
    if (question->number == 0) {
        sem_post(&begun);
        sem_wait(&let_go);
        return err_set(err, ERR_TIMEOUT, "It hung.");
    }
    for (size_t i = 0; i < count; i++)
        ((struct question *)questions[i])->answer = 1;
    return 0;
}

struct hung {
    struct gather *gather;
    struct err err;
    int status;
};

static void *ask_first(void *arg)
{
    struct hung *hung = arg;
    struct question question = { .number = 0 };
    hung->status = gather_ask(hung->gather, &question, hung, &hung->err);
    return NULL;
}

START_TEST(test_gather__who_hangs_holds_up_nobody)
{
    struct hung hung = { .gather = gather_new(hang_first, MOST, 1) };
    struct err err = ERR_INIT;
    pthread_t thread;
    sem_init(&begun, 0, 0);
    sem_init(&let_go, 0, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_first, &hung), 0);
    sem_wait(&begun);
    for (int i = 1; i <= 3; i++) {
        struct question question = { .number = i };
        ck_assert_int_eq(gather_ask(hung.gather, &question, &hung, &err), 0);
        ck_assert_int_eq(question.answer, 1);
    }
    sem_post(&let_go);
    pthread_join(thread, NULL);
    ck_assert(hung.status == -1 && hung.err.code == ERR_TIMEOUT);
    gather_free(hung.gather);
}
END_TEST

static void *ask_behind(void *arg)
{
    struct hung *hung = arg;
    struct question question = { .number = 5, .answer = -1 };
    atomic_fetch_add(&waiting, 1);
    hung->status = gather_ask(hung->gather, &question, hung, &hung->err);
    return NULL;
}

static int refuse(void *asker, void *const *questions, size_t count, struct err *err)
{
    (void)asker, (void)questions;
    while (atomic_load(&waiting) < THREADS)
        pause_us(PAUSE_US);
    pause_us(PAUSE_US);
    atomic_fetch_add(&answered, (int)count);
    return err_set(err, ERR_UNAVAILABLE, "Nobody is here.");
}

START_TEST(test_gather__a_failure_is_everybodys)
{
    struct gather *gather = gather_new(refuse, MOST, 1);
    pthread_t threads[THREADS];
    struct hung askers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct hung){ .gather = gather };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_behind, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(askers[i].status == -1 && askers[i].err.code == ERR_UNAVAILABLE);
    }
    ck_assert_int_eq(answered, THREADS);
    gather_free(gather);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_gather__each_gets_its_own_answer_and_few_are_asked_alone,
                                   test_gather__who_comes_alone_asks_at_once_and_hears_of_failures,
                                   test_gather__who_hangs_holds_up_nobody, test_gather__a_failure_is_everybodys };
    return unit_test_run("gather", tests, UNIT_TEST_COUNT(tests));
}
