/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that threads have at the same time, answered together. Who comes alone asks at once; who comes while others ask waits for them, and is
 * then asked for with all that wait. So no answer is older than its question: an answer is only ever given to questions that were there before it was looked for. */
#ifndef SANDBOX_UTIL_GATHER_H
#define SANDBOX_UTIL_GATHER_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct gather;

/* Answers `count` (1 to `most`) questions, as they were given to gather_ask(). A failure is everybody's. `asker` is that of the thread it runs on. */
typedef int (*gather_answer_fn)(void *asker, void *const *questions, size_t count, struct err *err);

/* `at_once`: so many threads ask while others wait. NULL: no memory. */
struct gather *gather_new(gather_answer_fn answer, size_t most, size_t at_once) must_use;
/* When nobody asks any more. */
void gather_free(struct gather *gather);

/* Until `question`, which may hold its answer, is answered: by this thread, for others too, or by another. Whoever is not taken along within 20 ms (what others
 * ask hangs) asks alone. */
int gather_ask(struct gather *gather, void *question, void *asker, struct err *err) must_use;

#endif
