/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about containers that only their node can answer: asked by the web tier, answered by provisiond. */
#ifndef SANDBOX_REPO_QUESTION_REPO_H
#define SANDBOX_REPO_QUESTION_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/util/strbuf.h"

enum {
    QUESTION_ID_RANDOM = 16,
    QUESTION_LIFE_MS = 10000,  /* how long somebody waits; older ones are not taken */
    QUESTION_LEASE_MS = 3000,  /* who has taken one for longer is taken for dead */
    QUESTION_KEPT_S = 60,      /* then it belongs to nobody */
};

/* For the last `tail` lines of a container's log since `since_ms` (0: all). Plain memory. */
struct question {
    char id[QUESTION_ID_RANDOM + 1];
    char node_id[NODE_ID_SIZE];
    char container_id[CONTAINER_ID_SIZE];
    char notify[ADDRESS_SIZE]; /* doorbell of who waits */
    int64_t tail, since_ms;
};

/* The asking side. */
int question_repo_ask(struct db *db, const struct question *question, struct err *err) must_use;
/* Whether it was answered, or failed. Gone counts as failed. */
int question_repo_settled(struct db *db, const char *id, bool *settled_out, struct err *err) must_use;
/* Appends the answer. ERR_UNAVAILABLE with the reason when it failed or is not settled. */
int question_repo_answer(struct db *db, const char *id, struct strbuf *out, struct err *err) must_use;
int question_repo_drop(struct db *db, const char *id, struct err *err) must_use;

/* The answering side: asked -> taken (also one whose taker is gone), for one question of the node. */
int question_repo_take(struct db *db, const char *node_id, struct question *out, bool *found_out, struct err *err) must_use;
/* taken -> answered, with UTF-8 text. *changed_out false: nobody waits any more, or another was faster. */
int question_repo_settle(struct db *db, const char *id, const char *text, size_t len, bool *changed_out,
                         struct err *err) must_use;
/* taken -> failed, with a reason for clients. */
int question_repo_fail(struct db *db, const char *id, const char *reason, bool *changed_out, struct err *err) must_use;

/* Removes up to `limit` that are older than QUESTION_KEPT_S. */
int question_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

#endif
