/* SPDX-License-Identifier: Apache-2.0 */
/* Executors to be asked for their health, what came of it, and nodes that were not heard of. */
#ifndef SANDBOX_REPO_PROBE_REPO_H
#define SANDBOX_REPO_PROBE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

enum { PROBE_BUSY_PERCENT = 80 }; /* of CPU or memory: more is high use */

/* A warm or running container. */
struct probe_row {
    int64_t seq;
    char id[CONTAINER_ID_SIZE];
    char secret[CONTAINER_SECRET_SIZE];
    int64_t misses;      /* in a row until now */
    bool answers;        /* it has answered once: only then can it miss */
    bool busy;           /* its last measurement (of the last 30 s) is high use */
    int64_t busy_s;      /* since when that is so without a break; -1: it was not */
    bool busy_noted;
    /* What is to be stored. */
    bool dirty;          /* something is */
    int64_t misses_now;
    bool suspect_now, answers_now, busy_noted_now;
    bool stored;         /* it was: the container still is warm or running, and nobody else has counted meanwhile */
};
struct probe_list { struct probe_row *items; size_t count; };
void probe_list_release(struct probe_list *list);

/* All of the node, by seq. */
int probe_repo_list(struct db *db, const char *node_id, struct probe_list *out, struct err *err) must_use;
/* Stores the dirty ones in one transaction, passing over rows that somebody else is changing, and marks what was stored. busy_since
 * begins where `busy` begins, and ends where it ends. */
int probe_repo_store(struct db *db, struct probe_list *list, struct err *err) must_use;

/* Ids of ready nodes that were not heard of for `silent_s`, and each of them becoming offline with the reason; *changed_out false: it was
 * heard of meanwhile. Its next beat makes it ready. */
int probe_repo_silent_nodes(struct db *db, int64_t silent_s, struct string_list *out, struct err *err) must_use;
int probe_repo_node_offline(struct db *db, const char *id, int64_t silent_s, bool *changed_out, struct err *err) must_use;

#endif
