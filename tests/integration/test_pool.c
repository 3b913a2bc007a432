/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool: demand, what is handed out, and in which order a node works. */
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/service/pool.h"
#include "lib/service/pool_demand.h"
#include "tests/integration/pool_scene.h"

enum { CLAIMS = 20 };

START_TEST(test_pool__demand_follows_rules)
{
    static const struct {
        int64_t min, target;
        struct demand demand;
        int64_t next;
    } cases[] = {
        { 1, 4, { .known = false }, 4 },
        { 1, 4, { .known = true, .wanted = 4, .burst = 3 }, 4 },
        { 1, 4, { .known = true, .wanted = 4, .burst = 9 }, 9 },                     /* up at once */
        { 1, 4, { .known = true, .wanted = 4, .burst = 90 }, 12 },                   /* three times the target, no more */
        { 1, 4, { .known = true, .wanted = 12, .changed_s = 29 }, 12 },              /* down, but not yet */
        { 1, 4, { .known = true, .wanted = 12, .changed_s = 30 }, 8 },
        { 1, 4, { .known = true, .wanted = 5, .changed_s = 30 }, 4 },
        { 1, 4, { .known = true, .wanted = 4, .changed_s = 30 }, 4 },
        { 1, 4, { .known = true, .wanted = 4, .changed_s = 30, .idle = true }, 2 },
        { 1, 4, { .known = true, .wanted = 2, .changed_s = 30, .idle = true }, 1 },
        { 1, 4, { .known = true, .wanted = 1, .changed_s = 999, .idle = true }, 1 }, /* never below the minimum */
        { 1, 4, { .known = true, .wanted = 1, .changed_s = 0, .burst = 1 }, 4 },     /* the first session ends that */
        { 1, 4, { .known = true, .wanted = 40, .changed_s = 0 }, 8 },                /* the target was lowered */
        { 0, 0, { .known = true, .wanted = 4, .burst = 9 }, 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct template template = { .pool_min = cases[i].min, .pool_target = cases[i].target };
        ck_assert_msg(pool_demand_next(&template, &cases[i].demand, 300) == cases[i].next, "case %zu", i);
    }
    const struct template deprecated = { .pool_target = 4, .deprecated = true };
    ck_assert_int_eq(pool_demand_next(&deprecated, &(struct demand){ .known = true, .wanted = 4 }, 300), 0);
}
END_TEST

START_TEST(test_pool__burst_raises_and_idleness_lowers)
{
    struct err err = ERR_INIT;
    struct session session;
    scene_want(1, 2);
    scene_pass();
    ck_assert_int_eq(scene_count("status = 'creating'"), 2);
    for (int i = 0; i < 4; i++) {
        OK(scene_create(&scene, 0, &session, &err));
        session_release(&session);
    }
    OK(scene_create(&scene, 1024, &session, &err)); /* none of the pool's would have fitted: it does not count */
    session_release(&session);
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 4);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 20 SECOND;"
                "UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND");
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 3);
    /* the row of the demand may be older than the last session */
    fixture_sql("UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND, claimed_at = claimed_at - INTERVAL 2 HOUR");
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 2);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 2 HOUR;"
                "UPDATE templates SET updated_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR;"
                "UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND");
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 1);
}
END_TEST

START_TEST(test_pool__hands_out_no_suspect)
{
    struct err err = ERR_INIT;
    struct session session;
    scene_want(0, 1);
    scene_pass();
    scene_warm_up();
    fixture_sql("UPDATE containers SET suspect = 1");
    OK(scene_create(&scene, 0, &session, &err));
    ck_assert_int_eq(session.status, SESSION_CREATING);
    session_release(&session);
    scene_pass();
    ck_assert_int_eq(scene_count("status = 'creating' AND session_id = ''"), 1); /* and it is replaced */
    fixture_sql("UPDATE containers SET suspect = 0, misses = 3"); /* provisiond has it under examination */
    OK(scene_create(&scene, 0, &session, &err));
    ck_assert_int_eq(session.status, SESSION_CREATING);
    session_release(&session);
}
END_TEST

START_TEST(test_pool__leaves_nodes_that_do_not_work)
{
    scene_want(0, 3);
    scene_pass();
    fixture_sql("UPDATE nodes SET status = 'offline'; UPDATE containers SET status = 'warm' ORDER BY seq LIMIT 1");
    fixture_node("n2", 10000, 10000, 10);
    scene_pass();
    ck_assert_int_eq(scene_count("node_id = 'n1' AND status <> 'deleting'"), 0);
    ck_assert_int_eq(scene_count("node_id = 'n2' AND status = 'creating'"), 3);
}
END_TEST

START_TEST(test_pool__a_change_of_the_template_ends_idleness)
{
    scene_want(0, 4);
    fixture_sql("UPDATE templates SET updated_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR");
    scene_pass();
    fixture_sql("UPDATE pool_demand SET wanted = 0, claimed_at = claimed_at - INTERVAL 2 HOUR");
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 0);
    fixture_sql("UPDATE templates SET updated_at = UTC_TIMESTAMP(3)");
    scene_pass();
    ck_assert_int_eq(scene_wanted(), 4);
}
END_TEST

static void *pass_of_two[2];

static void pass_in_thread(int index)
{
    struct err err = ERR_INIT;
    struct pool pool = { 0 };
    struct context own = scene;
    own.db = db_new(&fixture_settings->database);
    pass_of_two[index] = pool_pass(&pool, &own, scene_ignore, &err) == 0 ? &pass_of_two : NULL;
    db_free(own.db);
}

START_TEST(test_pool__two_passes_order_once)
{
    scene_want(0, 8);
    fixture_threads(2, pass_in_thread);
    ck_assert_ptr_nonnull(pass_of_two[0]);
    ck_assert_ptr_nonnull(pass_of_two[1]);
    ck_assert_int_eq(scene_count("status = 'creating'"), 8);
}
END_TEST

static char claimed[CLAIMS][CONTAINER_ID_SIZE];
static bool was_warm[CLAIMS];

static void claim_in_thread(int index)
{
    struct err err = ERR_INIT;
    struct session session;
    struct context own = scene;
    own.db = db_new(&fixture_settings->database);
    if (scene_create(&own, 0, &session, &err) == 0) {
        memcpy(claimed[index], session.container_id, CONTAINER_ID_SIZE);
        was_warm[index] = session.status == SESSION_RUNNING;
        session_release(&session);
    }
    db_free(own.db);
}

START_TEST(test_pool__claims_at_once_get_one_each)
{
    fixture_sql("UPDATE nodes SET cpu_milli = 100000, memory_mb = 100000, max_containers = 100");
    scene_want(0, CLAIMS);
    scene_pass();
    scene_warm_up();
    fixture_threads(CLAIMS, claim_in_thread);
    for (int i = 0; i < CLAIMS; i++) {
        ck_assert_msg(was_warm[i], "claim %d was not warm", i);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(claimed[i], claimed[j]);
    }
}
END_TEST

/* Which of the three kinds comes first; '-': nothing. */
static char next_work(enum work_order order)
{
    struct err err = ERR_INIT;
    struct container_list due = { 0 };
    OK(container_repo_claim_work(fixture_db, "n1", "p", order, 60000, 1, &due, &err));
    char kind = due.count == 0 ? '-' : due.items[0].status == CONTAINER_DELETING ? 'r' : due.items[0].session_id[0] ? 's' : 'p';
    container_list_release(&due);
    return kind;
}

static void expect_order(enum work_order order, const char *kinds)
{
    fixture_sql("DELETE FROM containers");
    fixture_container("c00000000001", "n1", "", CONTAINER_CREATING);
    fixture_container("c00000000002", "n1", "", CONTAINER_DELETING);
    fixture_container("c00000000003", "n1", "sess_0000000000000001", CONTAINER_CREATING);
    fixture_sql("UPDATE containers SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    for (; *kinds; kinds++)
        ck_assert_int_eq(next_work(order), *kinds);
}

START_TEST(test_pool__comes_last_in_a_nodes_work)
{
    expect_order(WORK_SESSIONS_FIRST, "srp-");
    expect_order(WORK_REMOVALS_FIRST, "rsp-");
    expect_order(WORK_NOT_THE_POOL, "sr-");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *all = scene_case(suite);
    tcase_add_test(all, test_pool__demand_follows_rules);
    tcase_add_test(all, test_pool__burst_raises_and_idleness_lowers);
    tcase_add_test(all, test_pool__leaves_nodes_that_do_not_work);
    tcase_add_test(all, test_pool__a_change_of_the_template_ends_idleness);
    tcase_add_test(all, test_pool__hands_out_no_suspect);
    tcase_add_test(all, test_pool__two_passes_order_once);
    tcase_add_test(all, test_pool__claims_at_once_get_one_each);
    tcase_add_test(all, test_pool__comes_last_in_a_nodes_work);
    return fixture_run(suite);
}
