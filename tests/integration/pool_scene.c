/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool's scene. */
#include "tests/integration/pool_scene.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/service/pool.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

struct context scene;

void scene_setup(void)
{
    fixture_setup();
    scene = (struct context){ .db = fixture_db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                                .random_id = id_random, .actor = { .name = "test" } };
    fixture_node("n1", 10000, 10000, 10);
}

void scene_ignore(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

void scene_pass(void)
{
    struct pool pool = { 0 };
    struct err err = ERR_INIT;
    OK(pool_pass(&pool, &scene, scene_ignore, &err));
}

void scene_want(int64_t min, int64_t target)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE templates SET pool_min = %" PRId64 ", pool_target = %" PRId64 " WHERE id = 'python-basic'", min, target);
    fixture_sql(sql);
}

int64_t scene_count(const char *where)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM containers WHERE %s", where);
    return fixture_number(sql);
}

int64_t scene_wanted(void)
{
    return fixture_number("SELECT wanted FROM pool_demand WHERE template_id = 'python-basic'");
}

int scene_create(struct context *with, int64_t memory_mb, struct session *out, struct err *err)
{
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 300, .resources = { .memory_mb = memory_mb } };
    *out = (struct session){ 0 };
    return session_service_create(with, "alice", &request, out, err);
}

void scene_warm_up(void)
{
    fixture_sql("UPDATE containers SET status = 'warm', ready_at = UTC_TIMESTAMP(3) WHERE status = 'creating' AND session_id = ''");
}

TCase *scene_case(Suite *suite)
{
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, scene_setup, fixture_teardown);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    return all;
}
