/* SPDX-License-Identifier: Apache-2.0 */
/* Room that is not there yet: what nodes will have left when removals are done, and which warm containers could go. */
#ifndef SANDBOX_REPO_ROOM_REPO_H
#define SANDBOX_REPO_ROOM_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/repo/list.h"

/* Sessions that wait for room, for which warm containers were removed perhaps; the room is theirs. A node's, or all. */
#define ROOM_WAITED_FOR                                                                            \
    "SELECT node_id, SUM(cpu_milli) AS cpu, SUM(memory_mb) AS memory, COUNT(*) AS containers"      \
    " FROM sessions FORCE INDEX (expiry) WHERE status = 'creating' AND container_id = ''"

struct room {
    int64_t cpu_milli, memory_mb, containers;
};
struct node_room {
    char node_id[NODE_ID_SIZE];
    enum runtime_type runtime_type;
    struct room left; /* once all that is being removed is gone, and those who wait have theirs; may be negative */
    struct room warm; /* what the pool's containers have of it, those that are being made included */
};
struct node_room_list {
    struct node_room *items;
    size_t count;
};
void node_room_list_release(struct node_room_list *list);

/* Of all nodes that are ready and were seen within alive_s, or of one of them (node_id not NULL); those with most room first. */
int room_repo_soon(struct db *db, const char *node_id, int64_t alive_s, struct node_room_list *out, struct err *err) must_use;
/* Inside a transaction: nobody else places or evicts there until its end. *locked_out false: it is not ready any more. */
int room_repo_lock(struct db *db, const char *node_id, bool *locked_out, struct err *err) must_use;
/* The pool's containers on a node, warm ones first, the oldest first. Nothing is locked; only id and resources are filled in. */
int room_repo_evictable(struct db *db, const char *node_id, struct container_list *out, struct err *err) must_use;
/* Inside a transaction: one of them is ours to remove. *locked_out false: a session has it, or is about to. */
int room_repo_seize(struct db *db, const char *container_id, bool *locked_out, struct err *err) must_use;

#endif
