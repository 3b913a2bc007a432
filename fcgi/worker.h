/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a process: each has its own database connection and doorbell, and serves one request after the other. */
#ifndef SANDBOX_FCGI_WORKER_H
#define SANDBOX_FCGI_WORKER_H

#include "fcgi/listener.h"
#include "lib/service/settings.h"

struct workers;

/* Starts settings->api.threads threads. Both are borrowed until workers_end(). */
struct workers *workers_start(const struct settings *settings, const struct listener *listener,
                              struct err *err) must_use;
/* After listener_stop(): lets each thread finish its request (those that wait for a result answer at once), and frees all. */
void workers_end(struct workers *workers);

#endif
