/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: steps due and their leases, the warm pool, room on nodes. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/template_repo.h"
#include "tests/integration/db_fixture.h"

static const struct resources small = { .cpu_milli = 1000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 128 };

static size_t claim_count(const char *claimed_by)
{
    struct err err = ERR_INIT;
    cleanup(container_list_release) struct container_list list = { 0 };
    OK(container_repo_claim_work(fixture_db, "n1", claimed_by, WORK_SESSIONS_FIRST, 60000, 10, &list, &err));
    return list.count;
}

START_TEST(test_container_repo__steps_are_leased)
{
    struct err err = ERR_INIT;
    bool changed = false;
    cleanup(container_list_release) struct container_list list = { 0 };
    fixture_container("c1", "n1", "s1", CONTAINER_CREATING);
    fixture_container("c2", "n2", "s2", CONTAINER_CREATING);
    fixture_container("c3", "n1", "s3", CONTAINER_RUNNING);
    OK(container_repo_claim_work(fixture_db, "n1", "p1", WORK_SESSIONS_FIRST, 60000, 10, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].id, "c1");
    ck_assert_str_eq(list.items[0].secret, "secret");
    ck_assert_str_eq(list.items[0].image, "sandbox/python:3.11-basic");
    ck_assert_int_eq(list.items[0].attempts, 1);
    ck_assert_uint_eq(claim_count("p2"), 0);
    OK(container_repo_ready(fixture_db, "c1", "p2", &changed, &err));
    ck_assert(!changed); /* not its lease */
    OK(container_repo_again(fixture_db, "c1", "p2", 0, "Not its lease either.", &changed, &err));
    ck_assert(!changed);
    OK(container_repo_again(fixture_db, "c1", "p1", 3600000, "The engine is down.", &changed, &err));
    ck_assert(changed);
    ck_assert_uint_eq(claim_count("p1"), 0); /* not due yet */
    fixture_sql("UPDATE containers SET due_at = UTC_TIMESTAMP(3)");
    ck_assert_uint_eq(claim_count("p1"), 1);
    OK(container_repo_release(fixture_db, "p1", &err));
    ck_assert_uint_eq(claim_count("p2"), 1);
    fixture_sql("UPDATE containers SET due_at = UTC_TIMESTAMP(3) WHERE id = 'c1'"); /* the lease runs out */
    ck_assert_uint_eq(claim_count("p3"), 1);
    OK(container_repo_ready(fixture_db, "c1", "p2", &changed, &err));
    ck_assert(!changed);
    OK(container_repo_ready(fixture_db, "c1", "p3", &changed, &err));
    ck_assert(changed);
    cleanup(container_release) struct container got = { 0 };
    OK(container_repo_get(fixture_db, "c1", &got, &err));
    ck_assert_int_eq(got.status, CONTAINER_RUNNING);
    ck_assert_int_eq(got.attempts, 4);
    ck_assert_int_gt(got.ready_at, 0);
    ck_assert_ptr_null(got.error);
}
END_TEST

START_TEST(test_container_repo__deleting_interrupts_a_creation)
{
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_container("c1", "n1", "s1", CONTAINER_CREATING);
    fixture_container("w1", "n1", "", CONTAINER_WARM);
    ck_assert_uint_eq(claim_count("p1"), 1);
    OK(container_repo_delete_of_session(fixture_db, "s1", &err));
    OK(container_repo_ready(fixture_db, "c1", "p1", &changed, &err));
    ck_assert(!changed);
    cleanup(container_list_release) struct container_list list = { 0 };
    OK(container_repo_claim_work(fixture_db, "n1", "p2", WORK_SESSIONS_FIRST, 60000, 10, &list, &err));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].status, CONTAINER_DELETING);
    OK(container_repo_deleted(fixture_db, "c1", &err));
    OK(container_repo_delete(fixture_db, "c1", &changed, &err));
    ck_assert(!changed);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE id = 'c1' AND status = 'deleted' AND secret = ''"), 1);
    FAILS(container_repo_delete_of_session(fixture_db, "", &err), ERR_INTERNAL); /* never the pool */
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'warm'"), 1);
    OK(container_repo_delete(fixture_db, "w1", &changed, &err));
    ck_assert(changed);
    cleanup(container_release) struct container got = { 0 };
    FAILS(container_repo_get(fixture_db, "nope", &got, &err), ERR_CONTAINER_NOT_FOUND);
}
END_TEST

START_TEST(test_container_repo__suspects_are_taken_once)
{
    struct err err = ERR_INIT;
    cleanup(container_list_release) struct container_list first = { 0 }, second = { 0 }, live = { 0 };
    fixture_container("c1", "n1", "s1", CONTAINER_RUNNING);
    fixture_container("c2", "n1", "s2", CONTAINER_DELETING);
    fixture_container("c3", "n1", "s3", CONTAINER_DELETED);
    fixture_container("c4", "n2", "s4", CONTAINER_RUNNING);
    OK(container_repo_suspect(fixture_db, "c1", &err));
    OK(container_repo_suspect(fixture_db, "c1", &err));
    OK(container_repo_suspect(fixture_db, "c2", &err)); /* on its way out anyhow */
    OK(container_repo_suspect(fixture_db, "c4", &err));
    OK(container_repo_take_suspects(fixture_db, "n1", 10, &first, &err));
    ck_assert_uint_eq(first.count, 1);
    ck_assert_str_eq(first.items[0].id, "c1");
    OK(container_repo_take_suspects(fixture_db, "n1", 10, &second, &err));
    ck_assert_uint_eq(second.count, 0);
    OK(container_repo_live(fixture_db, "n1", &live, &err));
    ck_assert_uint_eq(live.count, 2);
}
END_TEST

static int claim_beside(struct db *db, void *arg, struct err *err)
{
    static const struct db_stmt lock = { "SELECT seq FROM containers WHERE id = 'c1' FOR UPDATE" };
    struct container_list list = { 0 };
    struct err problem = ERR_INIT;
    if (DB_QUERY(db, &lock, NULL, NULL, err) != 0)
        return -1;
    int status = container_repo_claim_work(arg, "n1", "p1", WORK_SESSIONS_FIRST, 60000, 10, &list, &problem);
    ck_assert_msg(status == 0, "%s %s", problem.text, problem.detail);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].id, "c2");
    container_list_release(&list);
    return 0;
}

/* However few rows there are, so that a scan would be cheap. */
START_TEST(test_container_repo__a_claim_waits_for_no_other_row)
{
    struct err err = ERR_INIT;
    struct db *other = db_new(&fixture_settings->database);
    fixture_container("c1", "n1", "s1", CONTAINER_CREATING);
    fixture_container("c2", "n1", "s2", CONTAINER_CREATING);
    OK(db_transaction(fixture_db, claim_beside, other, &err));
    db_free(other);
}
END_TEST

/* --- the warm pool */

struct warm {
    struct db *db;
    const char *template_id;
    struct resources resources;
    char session_id[SESSION_ID_SIZE];
    struct container container;
    bool found;
};

static int claim_warm_work(struct db *db, void *arg, struct err *err)
{
    struct warm *warm = arg;
    cleanup(template_release) struct template template = { 0 };
    container_release(&warm->container);
    if (template_repo_share(db, warm->template_id, &template, err) != 0)
        return -1;
    return container_repo_claim_warm(db, &template, &warm->resources, warm->session_id, &warm->container, &warm->found, err);
}

static bool claims_warm(const char *template_id, const struct resources *resources)
{
    struct err err = ERR_INIT;
    struct warm warm = { .template_id = template_id, .resources = *resources, .session_id = "s1" };
    OK(db_transaction(fixture_db, claim_warm_work, &warm, &err));
    if (warm.found) {
        ck_assert_int_eq(warm.container.status, CONTAINER_RUNNING);
        ck_assert_str_eq(warm.container.session_id, "s1");
        ck_assert_str_eq(warm.container.secret, "secret");
    }
    container_release(&warm.container);
    return warm.found;
}

START_TEST(test_pool__only_the_same_resources_of_the_same_template_fit)
{
    struct resources large = small;
    large.memory_mb = 1024;
    fixture_node("n1", 4000, 4096, 10);
    fixture_container("c1", "n1", "", CONTAINER_WARM);
    ck_assert(!claims_warm("nodejs-basic", &small));
    ck_assert(!claims_warm("python-basic", &large));
    fixture_sql("UPDATE nodes SET status = 'draining'");
    ck_assert(!claims_warm("python-basic", &small));
    fixture_sql("UPDATE nodes SET status = 'ready'");
    ck_assert(claims_warm("python-basic", &small));
    ck_assert(!claims_warm("python-basic", &small));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'running' AND session_id = 's1'"), 1);
}
END_TEST

enum { WARM = 60, CLAIMERS = 8 };
static atomic_int claimed;

static void claim_until_empty(int index)
{
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    for (int i = 0;; i++) {
        struct warm warm = { .template_id = "python-basic", .resources = small };
        snprintf(warm.session_id, sizeof(warm.session_id), "s%d.%d", index, i);
        OK(db_transaction(db, claim_warm_work, &warm, &err));
        container_release(&warm.container);
        if (!warm.found)
            break;
        atomic_fetch_add(&claimed, 1);
    }
}

START_TEST(test_pool__each_is_claimed_exactly_once)
{
    for (int i = 0; i < WARM; i++) {
        char id[CONTAINER_ID_SIZE];
        snprintf(id, sizeof(id), "c%d", i);
        fixture_container(id, "n1", "", CONTAINER_WARM);
    }
    fixture_threads(CLAIMERS, claim_until_empty);
    ck_assert_int_eq(atomic_load(&claimed), WARM);
    ck_assert_int_eq(fixture_number("SELECT COUNT(DISTINCT session_id) FROM containers WHERE status = 'running'"), WARM);
}
END_TEST

START_TEST(test_pool__counts_and_surplus)
{
    struct err err = ERR_INIT;
    int64_t warm = -1, creating = -1;
    cleanup(template_release) struct template template = { 0 };
    cleanup(string_list_release) struct string_list none = { 0 }, some = { 0 };
    OK(template_repo_get(fixture_db, "python-basic", &template, &err));
    fixture_container("w1", "n1", "", CONTAINER_WARM);
    fixture_container("w2", "n1", "", CONTAINER_WARM);
    fixture_container("w3", "n1", "", CONTAINER_WARM);
    fixture_container("old", "n1", "", CONTAINER_WARM);
    fixture_container("wrong", "n1", "", CONTAINER_WARM);
    fixture_container("new", "n1", "", CONTAINER_CREATING);
    fixture_container("his", "n1", "s1", CONTAINER_CREATING);
    OK(container_repo_count_pool(fixture_db, "python-basic", &warm, &creating, &err));
    ck_assert_int_eq(warm, 5);
    ck_assert_int_eq(creating, 1);
    OK(container_repo_count_pool(fixture_db, "nodejs-basic", &warm, &creating, &err));
    ck_assert(warm == 0 && creating == 0);
    OK(container_repo_surplus(fixture_db, &template, 5, &none, &err));
    ck_assert_uint_eq(none.count, 0);
    fixture_sql("UPDATE containers SET ready_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR WHERE id = 'old';"
                "UPDATE containers SET image = 'other' WHERE id = 'wrong'");
    OK(container_repo_surplus(fixture_db, &template, 2, &some, &err));
    ck_assert_uint_eq(some.count, 3);
    ck_assert_str_eq(some.items[0], "w1"); /* of those that fit, the oldest goes */
    ck_assert_str_eq(some.items[1], "old");
    ck_assert_str_eq(some.items[2], "wrong");
}
END_TEST

/* --- room on nodes */

struct creation {
    int number;
    struct node node;
};

static int create_work(struct db *db, void *arg, struct err *err)
{
    struct creation *creation = arg;
    struct container container = { .template_id = "python-basic", .image = "i", .languages = "python",
                                   .oci_runtime = "", .resources = small, .secret = "x" };
    node_release(&creation->node);
    if (node_repo_pick(db, &(struct node_wish){ .image = "i", .need = small, .alive_s = 15 }, &creation->node, err) != 0)
        return -1;
    snprintf(container.id, sizeof(container.id), "c%d", creation->number);
    snprintf(container.session_id, sizeof(container.session_id), "s%d", creation->number);
    snprintf(container.node_id, sizeof(container.node_id), "%s", creation->node.id);
    return container_repo_insert(db, &container, err);
}

static atomic_int placed, refused;

static void create_ten(int index)
{
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    for (int i = 0; i < 10; i++) {
        struct err err = ERR_INIT;
        struct creation creation = { .number = index * 10 + i };
        int status = db_transaction(db, create_work, &creation, &err);
        node_release(&creation.node);
        ck_assert_msg(status == 0 || err.code == ERR_NO_ROOM, "%d %s (%s)", err.code, err.text, err.detail);
        atomic_fetch_add(status == 0 ? &placed : &refused, 1);
    }
}

START_TEST(test_node_repo__room_is_never_promised_twice)
{
    fixture_node("n1", 20000, 100000, 1000); /* 20 by CPU */
    fixture_node("n2", 100000, 5120, 1000);  /* 10 by memory */
    fixture_node("n3", 100000, 100000, 7);   /* 7 by number */
    fixture_threads(8, create_ten);
    ck_assert_int_eq(atomic_load(&placed), 37);
    ck_assert_int_eq(atomic_load(&refused), 43);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE node_id = 'n1'"), 20);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE node_id = 'n2'"), 10);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE node_id = 'n3'"), 7);
}
END_TEST

static int pick(struct node *out, struct err *err)
{
    node_release(out);
    return node_repo_pick(fixture_db, &(struct node_wish){ .image = "i", .need = small, .alive_s = 15 }, out, err);
}

START_TEST(test_node_repo__picks_the_least_loaded_that_is_alive)
{
    struct err err = ERR_INIT;
    cleanup(node_release) struct node node = { 0 };
    FAILS(pick(&node, &err), ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "sandbox-provisiond"));
    fixture_node("n1", 4000, 4096, 10);
    fixture_node("n2", 4000, 4096, 10);
    fixture_container("c1", "n1", "s1", CONTAINER_DELETING);
    fixture_container("c2", "n2", "s2", CONTAINER_DELETED);
    OK(pick(&node, &err));
    ck_assert_str_eq(node.id, "n2");
    ck_assert_int_eq(node.runtime_type, RUNTIME_PROCESS);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE WHERE id = 'n2'");
    OK(pick(&node, &err));
    ck_assert_str_eq(node.id, "n1");
    ck_assert_int_eq(node.used_cpu_milli, 1000);
    ck_assert_int_eq(node.used_containers, 1);
    fixture_sql("UPDATE nodes SET status = 'draining' WHERE id = 'n1'");
    fixture_node("n1", 4000, 4096, 10); /* its agent goes on beating */
    FAILS(pick(&node, &err), ERR_UNAVAILABLE);
    struct node down = { .id = "n3", .runtime_type = RUNTIME_DOCKER, .status = "offline", .isolation = "",
                         .error = "The Docker Engine does not answer." };
    OK(node_repo_beat(fixture_db, &down, &err));
    FAILS(pick(&node, &err), ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "The Docker Engine does not answer."));
    cleanup(node_list_release) struct node_list list = { 0 };
    OK(node_repo_list(fixture_db, &list, &err));
    ck_assert_uint_eq(list.count, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("container_repo");
    TCase *tcase = fixture_case(suite, "containers");
    tcase_add_test(tcase, test_container_repo__steps_are_leased);
    tcase_add_test(tcase, test_container_repo__deleting_interrupts_a_creation);
    tcase_add_test(tcase, test_container_repo__suspects_are_taken_once);
    tcase_add_test(tcase, test_container_repo__a_claim_waits_for_no_other_row);
    tcase_add_test(tcase, test_pool__only_the_same_resources_of_the_same_template_fit);
    tcase_add_test(tcase, test_pool__each_is_claimed_exactly_once);
    tcase_add_test(tcase, test_pool__counts_and_surplus);
    tcase_add_test(tcase, test_node_repo__room_is_never_promised_twice);
    tcase_add_test(tcase, test_node_repo__picks_the_least_loaded_that_is_alive);
    return fixture_run(suite);
}
