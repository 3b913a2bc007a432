/* SPDX-License-Identifier: Apache-2.0 */
/* Starts Node.js on the embedded runner. */
#ifndef SANDBOX_EXECUTOR_NODE_H
#define SANDBOX_EXECUTOR_NODE_H

#include "executor/channel.h"
#include "executor/confine.h"

/* It waits for the channel's job, and becomes the sandbox's user then. The pid, or -1. ERR_NOT_FOUND: the image has no Node.js. */
pid_t node_start(const struct setup *setup, const struct channel *channel, const struct confine *confine, struct err *err) must_use;

#endif
