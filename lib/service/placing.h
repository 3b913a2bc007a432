/* SPDX-License-Identifier: Apache-2.0 */
/* Where a new container goes. */
#ifndef SANDBOX_SERVICE_PLACING_H
#define SANDBOX_SERVICE_PLACING_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

/* Inside a transaction: finds a node with room for what `container` says (template_id, session_id, image, languages, oci_runtime,
 * network, root, resources), and stores it there as creating, for provisiond to make; its id, secret, node and runtime are filled in.
 * ERR_NO_ROOM, ERR_UNAVAILABLE (no node is ready). */
int place_container(struct db *db, struct container *container, struct err *err) must_use;

#endif
