/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters as objects in lists; what they mean is executor/interpreter.c's. */
#ifndef SANDBOX_EXECUTOR_INTERPRETER_LIST_H
#define SANDBOX_EXECUTOR_INTERPRETER_LIST_H

#include "executor/interpreter.h"

/* With an open channel, without a process. */
struct interpreter *interpreter_new(enum language language, uint64_t number, struct err *err) must_use;
/* Closes its channel. NULL is fine. */
void interpreter_free(struct interpreter *interpreter);

/* In front. */
void interpreter_push(struct interpreter **list, struct interpreter *interpreter);
/* Takes `interpreter` out of the list; false when it is not there. */
bool interpreter_unlink(struct interpreter **list, const struct interpreter *interpreter);
struct interpreter *interpreter_find(struct interpreter *list, uint64_t number);
/* The first that nobody has taken, or NULL. */
struct interpreter *interpreter_find_free(struct interpreter *list, enum language language);
/* Frees those of its language that are of another generation. */
void interpreter_drop_others(struct interpreter **list, const struct interpreter *kept);

#endif
