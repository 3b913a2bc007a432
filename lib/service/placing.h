/* SPDX-License-Identifier: Apache-2.0 */
/* Where a new container goes. */
#ifndef SANDBOX_SERVICE_PLACING_H
#define SANDBOX_SERVICE_PLACING_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

enum { NODE_ALIVE_S = 15 }; /* a node that was not heard of for longer gets no new containers */

/* Besides what the container itself needs; all zero: nothing. */
struct placing {
    int64_t kept_free;    /* per cent of the node that must stay free */
    const char *waits_at; /* node where make_room() made room for its session, or NULL */
};

/* Inside a transaction: finds a node with room for what `container` says (template_id, session_id, image, languages, oci_runtime,
 * network, root, resources), and stores it there as creating, for provisiond to make; its id, secret, node and runtime are filled in.
 * ERR_NO_ROOM, ERR_UNAVAILABLE (no node is ready). */
int place_container(struct db *db, struct container *container, const struct placing *placing, struct err *err) must_use;

/* Inside a transaction, for a session that found no room: finds a node that will have it once removals are done; as few of the pool's
 * containers as suffice, the oldest first, begin to be removed there. The session then waits, without a container, with node_id and
 * runtime_type as filled in: that keeps the room for it. *made_out false: not even that helps. */
int make_room(struct db *db, const struct resources *need, char node_id_out[NODE_ID_SIZE], enum runtime_type *type_out, bool *made_out,
              struct err *err) must_use;

#endif
