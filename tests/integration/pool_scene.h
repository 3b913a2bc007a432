/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the warm pool share: the pool of python-basic on a node `n1` with 10 CPUs, 10000 MiB and 10 containers. */
#ifndef SANDBOX_TESTS_POOL_SCENE_H
#define SANDBOX_TESTS_POOL_SCENE_H

#include "lib/service/context.h"
#include "lib/util/log.h"
#include "tests/integration/db_fixture.h"

/* Of the test's own connection. */
extern struct context scene;
/* In the place of fixture_setup(). */
void scene_setup(void);
void scene_ignore(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id);
/* A pass of sandbox-pool. */
void scene_pass(void);
/* pool.min and pool.target. */
void scene_want(int64_t min, int64_t target);
/* Containers that fit a condition. */
int64_t scene_count(const char *where);
/* What demand makes wanted. */
int64_t scene_wanted(void);
/* A session of python-basic with that much memory (0: the template's). */
int scene_create(struct context *with, int64_t memory_mb, struct session *out, struct err *err);
/* What is being made for the pool is ready. */
void scene_warm_up(void);
/* A test program's suite of one case. */
TCase *scene_case(Suite *suite);

#endif
