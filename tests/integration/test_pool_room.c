/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool never takes the room of sessions: its reserve, and how it gives way. */
#include <string.h>

#include "lib/repo/session_repo.h"
#include "lib/service/placing.h"
#include "lib/service/replacing.h"
#include "lib/service/sessions.h"
#include "tests/integration/pool_scene.h"

START_TEST(test_pool_room__leaves_the_reserve_free)
{
    scene_want(0, 20);
    scene_pass();
    ck_assert_int_eq(scene_count("status = 'creating'"), 9); /* of ten */
    struct err err = ERR_INIT;
    struct session session;
    OK(scene_create(&scene, 1024, &session, &err)); /* none of the pool's fits it: that is what the reserve is for */
    ck_assert_str_ne(session.container_id, "");
    session_release(&session);
}
END_TEST

START_TEST(test_pool_room__makes_room_for_sessions)
{
    struct err err = ERR_INIT;
    struct session session;
    scene_want(0, 20);
    scene_pass();
    scene_warm_up();
    fixture_sql("UPDATE sessions SET status = 'terminated'; UPDATE templates SET pool_target = 9 WHERE id = 'python-basic'");
    OK(scene_create(&scene, 4096, &session, &err)); /* 9 x 512 are taken: there is room */
    session_release(&session);
    ck_assert_int_eq(scene_count("status = 'deleting'"), 0);
    OK(scene_create(&scene, 3072, &session, &err)); /* 8704 + 3072 of 10000: four must go, and one for the CPU at least */
    ck_assert_int_eq(session.status, SESSION_CREATING);
    ck_assert_str_eq(session.container_id, "");
    ck_assert_str_eq(session.node_id, "n1");
    ck_assert_int_eq(scene_count("status = 'deleting'"), 4);
    ck_assert_int_eq(fixture_number("SELECT MAX(seq) < (SELECT MIN(seq) FROM containers WHERE status = 'warm') FROM containers"
                                    " WHERE status = 'deleting'"), 1); /* the oldest */
    OK(session_service_place_waiting(&scene, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'creating' AND container_id = ''"), 1);

    /* the room that comes is the waiting session's, not the next one's, nor the pool's */
    struct session next;
    fixture_sql("UPDATE containers SET status = 'deleted' WHERE status = 'deleting'");
    scene_pass();
    OK(scene_create(&scene, 2048, &next, &err));
    ck_assert_str_eq(next.container_id, "");
    OK(session_service_place_waiting(&scene, &err));
    session_release(&next);
    struct session placed = { 0 };
    OK(session_repo_get(fixture_db, NULL, session.id, &placed, &err));
    ck_assert_str_ne(placed.container_id, "");
    ck_assert_int_eq(placed.status, SESSION_CREATING);
    ck_assert_int_eq(placed.restarts, 0);
    session_release(&placed);
    session_release(&session);
}
END_TEST

static int64_t seen_free;

static int make_room_work(struct db *db, void *arg, struct err *err)
{
    const struct resources need = { .cpu_milli = 2000, .memory_mb = 1024, .disk_mb = 1024, .max_processes = 32 };
    char node_id[NODE_ID_SIZE];
    enum runtime_type type;
    int status = make_room(db, &need, node_id, &type, arg, err);
    seen_free = fixture_number("SELECT COUNT(*) FROM (SELECT id FROM containers WHERE status = 'warm' FOR UPDATE SKIP LOCKED) f");
    return status;
}

START_TEST(test_pool_room__those_that_stay_may_be_claimed_meanwhile)
{
    struct err err = ERR_INIT;
    bool made = false;
    scene_want(0, 20);
    scene_pass();
    scene_warm_up();
    fixture_sql("UPDATE nodes SET max_containers = 100");
    OK(db_transaction(fixture_db, make_room_work, &made, &err));
    ck_assert(made);
    ck_assert_int_eq(scene_count("status = 'deleting'"), 1);
    ck_assert_int_eq(seen_free, 8);
}
END_TEST

static int claim_and_create(struct db *db, void *arg, struct err *unused)
{
    struct err err = ERR_INIT;
    struct session session;
    struct context own = scene;
    static const struct db_stmt first = { "UPDATE containers SET status = 'running', session_id = 's' WHERE seq = (SELECT * FROM"
                                          " (SELECT MIN(seq) FROM containers WHERE status = 'warm') f)" };
    (void)arg, (void)unused;
    OK(db_exec(db, &first, NULL, 0, NULL, &err));
    own.db = db_new(&fixture_settings->database);
    OK(scene_create(&own, 4096, &session, &err));
    ck_assert_str_eq(session.container_id, "");
    session_release(&session);
    db_free(own.db);
    return 0;
}

START_TEST(test_pool_room__what_somebody_claims_does_not_give_way)
{
    struct err err = ERR_INIT;
    scene_want(0, 20);
    scene_pass();
    scene_warm_up();
    fixture_sql("UPDATE nodes SET memory_mb = 6000");
    OK(db_transaction(fixture_db, claim_and_create, NULL, &err));
    ck_assert_int_eq(scene_count("status = 'running' AND seq = (SELECT MIN(seq) FROM containers)"), 1);
    ck_assert_int_ge(scene_count("status = 'deleting'"), 5);
}
END_TEST

/* Its container died where there is no room for another: what was made for it is not the next one's. */
START_TEST(test_pool_room__makes_room_for_replacements)
{
    struct err err = ERR_INIT;
    enum death_outcome outcome;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_sql("UPDATE sessions SET started_at = created_at, cpu_milli = 4000; UPDATE containers SET cpu_milli = 4000, suspect = 0;"
                "UPDATE nodes SET cpu_milli = 8000");
    scene_want(0, 3);
    scene_pass();
    scene_warm_up();
    char id[CONTAINER_ID_SIZE];
    struct session session = { 0 };
    OK(session_repo_get(fixture_db, NULL, "s1", &session, &err));
    memcpy(id, session.container_id, sizeof(id));
    session_release(&session);
    const struct death death = { .session_id = "s1", .container_id = id, .reason = "It died." };
    OK(session_service_replace(&scene, &death, &outcome, &err));
    ck_assert_int_eq(outcome, DEATH_REPLACED);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE id = 's1' AND container_id = '' AND node_id = 'n1'"), 1);
    fixture_sql("UPDATE containers SET status = 'deleted' WHERE status = 'deleting'; UPDATE nodes SET cpu_milli = 7500");
    scene_pass();
    OK(scene_create(&scene, 4096, &session, &err));
    ck_assert_str_eq(session.container_id, "");
    session_release(&session);
    OK(session_service_place_waiting(&scene, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE id = 's1' AND container_id <> ''"), 1);
}
END_TEST

START_TEST(test_pool_room__refuses_what_never_fits)
{
    struct err err = ERR_INIT;
    struct session session;
    scene_want(0, 5);
    scene_pass();
    scene_warm_up();
    fixture_sql("UPDATE nodes SET memory_mb = 4000");
    FAILS(scene_create(&scene, 8192, &session, &err), ERR_NO_ROOM);
    ck_assert_int_eq(scene_count("status = 'deleting'"), 0); /* nothing was removed for nothing */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool_room");
    TCase *all = scene_case(suite);
    tcase_add_test(all, test_pool_room__leaves_the_reserve_free);
    tcase_add_test(all, test_pool_room__makes_room_for_sessions);
    tcase_add_test(all, test_pool_room__those_that_stay_may_be_claimed_meanwhile);
    tcase_add_test(all, test_pool_room__what_somebody_claims_does_not_give_way);
    tcase_add_test(all, test_pool_room__makes_room_for_replacements);
    tcase_add_test(all, test_pool_room__refuses_what_never_fits);
    return fixture_run(suite);
}
