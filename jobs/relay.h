/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that passes connections on to the executors of an engine on another host (lib/runtime/relay.h). */
#ifndef SANDBOX_JOBS_RELAY_H
#define SANDBOX_JOBS_RELAY_H

#include "lib/service/provision.h"

struct relay_thread;

/* Starts it for the node whose settings `config` holds, which is borrowed; *out is NULL where its executors are reached without. -1 with err. */
int relay_thread_start(const struct provision_config *config, struct relay_thread **out, struct err *err) must_use;
/* Ends it, and with it every connection. NULL is fine. */
void relay_thread_stop(struct relay_thread *relay);

#endif
