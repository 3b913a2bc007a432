/* SPDX-License-Identifier: Apache-2.0 */
/* The way to executors that have no network, on an engine at another host: a unix socket at <directory>/relay/relay.sock whose connections are passed on
 * through the engine, which starts `sandbox-executor --connect` in the container that the first request's Host header names. */
#ifndef SANDBOX_RUNTIME_RELAY_H
#define SANDBOX_RUNTIME_RELAY_H

#include "lib/runtime/runtime.h"

enum {
    RELAY_LINKS_MAX = 1024, /* connections at once; more take the place of idle ones, or wait to be accepted */
    RELAY_IDLE_MS = 30000,  /* without a byte: nobody waits for an answer on it (executions send heartbeats) */
    RELAY_HEAD_MAX = 8192,
};

/* Told of what did not work, at most once a second: `container_id` may be "". */
typedef void (*relay_report_fn)(void *arg, const char *container_id, const struct err *err);

struct relay;

/* Listens (root alone can connect). `settings`, of a tcp:// engine, are borrowed. NULL with err. */
struct relay *relay_new(const struct runtime_settings *settings, relay_report_fn report, void *arg, struct err *err) must_use;
/* Ends every connection and the socket. NULL is fine. */
void relay_free(struct relay *relay);
/* Waits up to timeout_ms for something to do and does it. Everything but this is one thread's; -1 only when it cannot go on. */
int relay_step(struct relay *relay, int timeout_ms, struct err *err) must_use;
/* Ends a wait of relay_step(), from any thread. */
void relay_wake(struct relay *relay);

/* Other limits than those above, for tests: at most RELAY_LINKS_MAX. */
void relay_limit(struct relay *relay, size_t links, int64_t idle_ms);

/* A client whose request does not name a container is answered 400; one whose engine is away 503, whose engine makes no sense 502. A container
 * that is gone or stopped closes the connection, as its executor would. */
#endif
