/* SPDX-License-Identifier: Apache-2.0 */
/* An executor that answers as a test says: canned bytes on a unix socket, broken off where it is told to. */
#ifndef SANDBOX_TESTS_FAKES_FAKE_EXECUTOR_H
#define SANDBOX_TESTS_FAKES_FAKE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>

struct fake_executor;

enum fake_ending {
    FAKE_CLOSE, /* the connection ends after the bytes */
    FAKE_STALL, /* it stays open and silent */
};

/* Listens at `path` (a thread serves each connection). Aborts when it cannot. */
struct fake_executor *fake_executor_start(const char *path);
/* What every further POST is answered with; copied. Every other request is answered with 204. */
void fake_executor_script(struct fake_executor *fake, const char *bytes, size_t len, enum fake_ending ending);
/* The same for every further GET: health, or the looks of an engine that it plays. */
void fake_executor_answer_get(struct fake_executor *fake, const char *bytes, size_t len, enum fake_ending ending);
/* While held, POSTs are taken but not answered. */
void fake_executor_hold(struct fake_executor *fake, bool held);
/* What a stalled answer goes on with, and then ends, once its execution is cancelled; copied. */
void fake_executor_on_cancel(struct fake_executor *fake, const char *bytes, size_t len);
/* How many POSTs it has seen, but for cancels; and how many of these. */
size_t fake_executor_posts(struct fake_executor *fake);
size_t fake_executor_cancels(struct fake_executor *fake);
void fake_executor_stop(struct fake_executor *fake);

#endif
