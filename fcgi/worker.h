/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a process: each has its own doorbell, and serves one request after the other; database connections they share. */
#ifndef SANDBOX_FCGI_WORKER_H
#define SANDBOX_FCGI_WORKER_H

#include "fcgi/listener.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

struct workers;

/* What all threads share; borrowed until workers_end(). */
struct worker_config {
    const struct settings *settings;
    const struct listener *listener;
    struct metrics *metrics, *http_metrics; /* each may be NULL */
};

/* Starts settings->api.threads threads. */
struct workers *workers_start(const struct worker_config *config, struct err *err) must_use;
/* From time to time: gives back what a burst has left. */
void workers_tidy(struct workers *workers);
/* After listener_stop(): lets each thread finish its request (those that wait for a result answer at once), and frees all. */
void workers_end(struct workers *workers);

#endif
