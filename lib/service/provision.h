/* SPDX-License-Identifier: Apache-2.0 */
/* Makes container rows true on one node: creates, removes, examines. Each provisioner belongs to one thread. */
#ifndef SANDBOX_SERVICE_PROVISION_H
#define SANDBOX_SERVICE_PROVISION_H

#include <stdbool.h>

#include "lib/io/db.h"
#include "lib/io/http.h"
#include "lib/service/image_pulls.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

/* Everything is borrowed for the provisioner's life. */
struct provision_config {
    struct db *db; /* the thread's own */
    const struct settings *settings;
    const char *node_id;
    enum { PROVISION_ANYTHING, PROVISION_REMOVALS_FIRST, PROVISION_NOT_THE_POOL } takes; /* see container_repo_claim_work() */
    const char *claimed_by; /* names this provisioner in the rows; one of a process: "HOST:provisiond#3" */
    int doorbell;           /* descriptor to ring from */
    report_fn report;
    struct metrics *metrics; /* NULL: nothing is counted */
    struct image_pulls *pulls; /* of the node; NULL: nothing is pulled */
};

struct provisioner;

/* NULL with err. The engine is opened when it is first needed. */
struct provisioner *provision_new(const struct provision_config *config, struct err *err) must_use;
void provision_free(struct provisioner *provisioner);

/* Once at start, before any worker: leases that an earlier process left on the node, here or on another host, are free again. */
int provision_recover(struct db *db, const char *node_id, struct err *err) must_use;

/* Takes one container with a step due, or one that is suspected to be dead, and does what it needs; then answers one question about a
 * container. *worked_out says whether there was anything. Problems of the container or the engine end up in its row; only a database that does not answer is a failure. */
int provision_step(struct provisioner *provisioner, bool *worked_out, struct err *err) must_use;

/* Compares the engine with the database, both ways: removes containers that no row knows, replaces those that are gone under a session,
 * removes containers whose session has ended. */
int provision_reconcile(struct provisioner *provisioner, struct err *err) must_use;

/* Measures CPU and memory of one of `slices` parts of the node's warm and running containers (`slice` counts from 0), and of those that
 * have just become ready, and stores it in one transaction. What nothing can measure stays unmeasured. */
int provision_measure(struct provisioner *provisioner, int64_t slice, int64_t slices, struct err *err) must_use;

#endif
