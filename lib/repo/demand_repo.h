/* SPDX-License-Identifier: Apache-2.0 */
/* How many warm containers of a template are wanted now, and what that follows from: sessions that were made of late. */
#ifndef SANDBOX_REPO_DEMAND_REPO_H
#define SANDBOX_REPO_DEMAND_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

enum { DEMAND_BURST_S = 10 }; /* what comes within this time comes at once */

struct demand {
    bool known;         /* false: nothing is stored yet, and wanted is 0 */
    int64_t wanted;     /* warm containers */
    int64_t changed_s;  /* since that was changed */
    int64_t burst;      /* sessions that could have had a warm one, within DEMAND_BURST_S */
    bool idle;          /* none of them for pool_max_idle_s, nor was the template changed */
};

/* What the template's row and its sessions say now. Sessions of other sizes do not count: no warm container fits them. */
int demand_repo_read(struct db *db, const struct template *template, struct demand *out, struct err *err) must_use;
/* Stores what is wanted. `used`: there were sessions just now. */
int demand_repo_store(struct db *db, const char *template_id, int64_t wanted, bool used, struct err *err) must_use;
/* Inside a transaction: what is wanted, locked, so that two passes never order the same container. 0: nothing is stored. */
int demand_repo_lock(struct db *db, const char *template_id, int64_t *wanted_out, struct err *err) must_use;

/* A template's pool, for operators. */
struct pool_row {
    char template_id[TEMPLATE_ID_SIZE];
    bool deprecated;
    int64_t min, target, max_idle_s;
    int64_t wanted, warm, creating; /* wanted -1: sandbox-pool has not looked yet */
    int64_t sessions, hits;         /* of the last minute, of the template's size; which of them had a warm one at once */
};
struct pool_rows {
    struct pool_row *items;
    size_t count;
};
void pool_rows_release(struct pool_rows *rows);
/* All templates, by id. */
int demand_repo_pools(struct db *db, struct pool_rows *out, struct err *err) must_use;

#endif
