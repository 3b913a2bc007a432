/* SPDX-License-Identifier: Apache-2.0 */
/* Whether executors answer, nodes are heard of, and containers use more than they should for long.
 *
 * A pass asks the executors of all warm and running containers of the nodes that this host serves, all at once. One that does not answer within
 * PROBE_ANSWER_MS has missed; PROBE_MISSES in a row make its container suspect: provisiond looks at it, with the engine, and replaces it.
 * An executor that was never seen to answer (it reports by itself) cannot miss. Where all of a node's executors miss, and there are several,
 * the node is at fault, or this host: its containers are suspect only after PROBE_MISSES_OF_NODE. */
#ifndef SANDBOX_SERVICE_PROBE_H
#define SANDBOX_SERVICE_PROBE_H

#include "lib/service/context.h"
#include "lib/service/report.h"

enum {
    PROBE_ANSWER_MS = 2000,
    PROBE_MISSES = 3,
    PROBE_MISSES_OF_NODE = 6,
    PROBE_BUSY_S = 60, /* high use (PROBE_BUSY_PERCENT) for so long is said in the log, and its end */
};

struct probe_config {
    const struct context *context; /* borrowed for the probe's life */
    report_fn report;
    int (*beat)(void *arg, struct err *err); /* called now and then; -1 ends the pass. May be NULL */
    void *arg;
};

/* What a pass saw. */
struct probe_done {
    int64_t asked, missed, suspects, offline; /* executors, of them silent, containers that became suspect, nodes that became offline */
};

struct probe;
/* NULL with err. */
struct probe *probe_new(const struct probe_config *config, struct err *err) must_use;
void probe_free(struct probe *probe);
/* Repeatable at any time; two at once count a miss once. Fails when the database does. */
int probe_pass(struct probe *probe, struct probe_done *out, struct err *err) must_use;

#endif
