/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioner's inside, shared by its parts only. */
#ifndef SANDBOX_SERVICE_PROVISION_INTERNAL_H
#define SANDBOX_SERVICE_PROVISION_INTERNAL_H

#include "lib/execclient/execclient.h"
#include "lib/model/entities.h"
#include "lib/service/context.h"
#include "lib/service/provision.h"

struct provisioner {
    struct provision_config config;
    struct context context; /* for ending sessions */
    struct http *http;
    struct runtime *runtime; /* NULL until it could be opened */
    bool recover; /* its leases are to be ended before anything else */
};

/* The engine's driver; NULL with err while it cannot be opened. */
struct runtime *provision_runtime(struct provisioner *provisioner, struct err *err) must_use;
/* Where the container's executor listens. `endpoint` holds what `target` points to. */
void provision_aim(const struct provisioner *provisioner, const struct container *container,
                   struct runtime_endpoint *endpoint, struct exec_target *target);

/* Steps for one leased container. They fail only when the database does. */
int provision_create(struct provisioner *provisioner, const struct container *container, struct err *err) must_use;
int provision_destroy(struct provisioner *provisioner, const struct container *container, struct err *err) must_use;

/* Asks after the pull of the container's image, and starts it when `begin`. While it is under way, *waits_out is set, and the container is
 * due again in a second; if it failed, `problem` says why. Fails only when the database does. */
int provision_await_image(struct provisioner *provisioner, const struct container *container, bool begin, bool *waits_out,
                          struct err *problem, struct err *err) must_use;
/* Whether the engine does not have its image, and it may be pulled. */
bool provision_lacks_image(struct provisioner *provisioner, const struct container *container);
/* The node has the image of a container that waited for it. */
int provision_note_image(struct provisioner *provisioner, const struct container *container, struct err *err) must_use;

/* Takes one question about a container of this node and answers it; *worked_out is set when there was one. */
int provision_answer(struct provisioner *provisioner, bool *worked_out, struct err *err) must_use;

/* Looks whether a running or warm container still works; if not, it is removed, and its session gets another. */
int provision_examine(struct provisioner *provisioner, const struct container *container, struct err *err) must_use;
/* The container is dead: it is removed, and its session, if it has one, goes on in another. `how` says what it died of. */
struct death;
int provision_bury(struct provisioner *provisioner, const struct container *container, const struct death *how, struct err *err) must_use;
/* Ends the container and its session, if it has one, with a reason for users. */
int provision_give_up(struct provisioner *provisioner, const struct container *container, const char *reason,
                      struct err *err) must_use;

#endif
