/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool: demand, room for sessions first, what is handed out, and in which order a node works. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/pool.h"
#include "lib/service/pool_demand.h"
#include "lib/service/replacing.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

enum { CLAIMS = 20 };

static struct context context;

static void setup(void)
{
    fixture_setup();
    context = (struct context){ .db = fixture_db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                                .random_id = id_random, .actor = { .name = "test" } };
    fixture_node("n1", 10000, 10000, 10);
}

static void ignore(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

static void pass(void)
{
    struct pool pool = { 0 };
    struct err err = ERR_INIT;
    OK(pool_pass(&pool, &context, ignore, &err));
}

static void want(int64_t min, int64_t target)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE templates SET pool_min = %" PRId64 ", pool_target = %" PRId64 " WHERE id = 'python-basic'", min, target);
    fixture_sql(sql);
}

static int64_t count(const char *where)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM containers WHERE %s", where);
    return fixture_number(sql);
}

static int64_t wanted(void)
{
    return fixture_number("SELECT wanted FROM pool_demand WHERE template_id = 'python-basic'");
}

/* A session of python-basic with that much memory (0: the template's). */
static int create(struct context *with, int64_t memory_mb, struct session *out, struct err *err)
{
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 300, .resources = { .memory_mb = memory_mb } };
    *out = (struct session){ 0 };
    return session_service_create(with, "alice", &request, out, err);
}

static void warm_up(void)
{
    fixture_sql("UPDATE containers SET status = 'warm', ready_at = UTC_TIMESTAMP(3) WHERE status = 'creating' AND session_id = ''");
}

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
    want(1, 2);
    pass();
    ck_assert_int_eq(count("status = 'creating'"), 2);
    for (int i = 0; i < 4; i++) {
        OK(create(&context, 0, &session, &err));
        session_release(&session);
    }
    OK(create(&context, 1024, &session, &err)); /* none of the pool's would have fitted: it does not count */
    session_release(&session);
    pass();
    ck_assert_int_eq(wanted(), 4);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 20 SECOND;"
                "UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND");
    pass();
    ck_assert_int_eq(wanted(), 3);
    /* the row of the demand may be older than the last session */
    fixture_sql("UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND, claimed_at = claimed_at - INTERVAL 2 HOUR");
    pass();
    ck_assert_int_eq(wanted(), 2);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 2 HOUR;"
                "UPDATE pool_demand SET changed_at = changed_at - INTERVAL 31 SECOND");
    pass();
    ck_assert_int_eq(wanted(), 1);
}
END_TEST

START_TEST(test_pool__leaves_the_reserve_free)
{
    want(0, 20);
    pass();
    ck_assert_int_eq(count("status = 'creating'"), 9); /* of ten */
    struct err err = ERR_INIT;
    struct session session;
    OK(create(&context, 1024, &session, &err)); /* none of the pool's fits it: that is what the reserve is for */
    ck_assert_str_ne(session.container_id, "");
    session_release(&session);
}
END_TEST

START_TEST(test_pool__makes_room_for_sessions)
{
    struct err err = ERR_INIT;
    struct session session;
    want(0, 20);
    pass();
    warm_up();
    fixture_sql("UPDATE sessions SET status = 'terminated'; UPDATE templates SET pool_target = 9 WHERE id = 'python-basic'");
    OK(create(&context, 4096, &session, &err)); /* 9 x 512 are taken: there is room */
    session_release(&session);
    ck_assert_int_eq(count("status = 'deleting'"), 0);
    OK(create(&context, 3072, &session, &err)); /* 8704 + 3072 of 10000: four must go, and one for the CPU at least */
    ck_assert_int_eq(session.status, SESSION_CREATING);
    ck_assert_str_eq(session.container_id, "");
    ck_assert_str_eq(session.node_id, "n1");
    ck_assert_int_eq(count("status = 'deleting'"), 4);
    ck_assert_int_eq(fixture_number("SELECT MAX(seq) < (SELECT MIN(seq) FROM containers WHERE status = 'warm') FROM containers"
                                    " WHERE status = 'deleting'"), 1); /* the oldest */
    OK(session_service_place_waiting(&context, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'creating' AND container_id = ''"), 1);

    /* the room that comes is the waiting session's, not the next one's, nor the pool's */
    struct session next;
    fixture_sql("UPDATE containers SET status = 'deleted' WHERE status = 'deleting'");
    pass();
    OK(create(&context, 2048, &next, &err));
    ck_assert_str_eq(next.container_id, "");
    OK(session_service_place_waiting(&context, &err));
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

START_TEST(test_pool__refuses_what_never_fits)
{
    struct err err = ERR_INIT;
    struct session session;
    want(0, 5);
    pass();
    warm_up();
    fixture_sql("UPDATE nodes SET memory_mb = 4000");
    FAILS(create(&context, 8192, &session, &err), ERR_NO_ROOM);
    ck_assert_int_eq(count("status = 'deleting'"), 0); /* nothing was removed for nothing */
}
END_TEST

START_TEST(test_pool__hands_out_no_suspect)
{
    struct err err = ERR_INIT;
    struct session session;
    want(0, 1);
    pass();
    warm_up();
    fixture_sql("UPDATE containers SET suspect = 1");
    OK(create(&context, 0, &session, &err));
    ck_assert_int_eq(session.status, SESSION_CREATING);
    session_release(&session);
    pass();
    ck_assert_int_eq(count("status = 'creating' AND session_id = ''"), 1); /* and it is replaced */
}
END_TEST

static void *pass_of_two[2];

static void pass_in_thread(int index)
{
    struct err err = ERR_INIT;
    struct pool pool = { 0 };
    struct context own = context;
    own.db = db_new(&fixture_settings->database);
    pass_of_two[index] = pool_pass(&pool, &own, ignore, &err) == 0 ? &pass_of_two : NULL;
    db_free(own.db);
}

START_TEST(test_pool__two_passes_order_once)
{
    want(0, 8);
    fixture_threads(2, pass_in_thread);
    ck_assert_ptr_nonnull(pass_of_two[0]);
    ck_assert_ptr_nonnull(pass_of_two[1]);
    ck_assert_int_eq(count("status = 'creating'"), 8);
}
END_TEST

static char claimed[CLAIMS][CONTAINER_ID_SIZE];
static bool was_warm[CLAIMS];

static void claim_in_thread(int index)
{
    struct err err = ERR_INIT;
    struct session session;
    struct context own = context;
    own.db = db_new(&fixture_settings->database);
    if (create(&own, 0, &session, &err) == 0) {
        memcpy(claimed[index], session.container_id, CONTAINER_ID_SIZE);
        was_warm[index] = session.status == SESSION_RUNNING;
        session_release(&session);
    }
    db_free(own.db);
}

START_TEST(test_pool__claims_at_once_get_one_each)
{
    fixture_sql("UPDATE nodes SET cpu_milli = 100000, memory_mb = 100000, max_containers = 100");
    want(0, CLAIMS);
    pass();
    warm_up();
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
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, fixture_teardown);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    tcase_add_test(all, test_pool__demand_follows_rules);
    tcase_add_test(all, test_pool__burst_raises_and_idleness_lowers);
    tcase_add_test(all, test_pool__leaves_the_reserve_free);
    tcase_add_test(all, test_pool__makes_room_for_sessions);
    tcase_add_test(all, test_pool__refuses_what_never_fits);
    tcase_add_test(all, test_pool__hands_out_no_suspect);
    tcase_add_test(all, test_pool__two_passes_order_once);
    tcase_add_test(all, test_pool__claims_at_once_get_one_each);
    tcase_add_test(all, test_pool__comes_last_in_a_nodes_work);
    return fixture_run(suite);
}
