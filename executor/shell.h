/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a shell on its script. */
#ifndef SANDBOX_EXECUTOR_SHELL_H
#define SANDBOX_EXECUTOR_SHELL_H

#include "executor/interpreter.h"

/* It runs at once, as the sandbox's user. ERR_NOT_FOUND: the image has no shell. */
struct interpreter *shell_start(const struct setup *setup, const struct confine *confine, uint64_t number, const struct shell *shell,
                                struct err *err) must_use;

#endif
