/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements of containers as rows. */
#include <string.h>

#include "lib/repo/usage_repo.h"
#include "tests/integration/db_fixture.h"

static struct usage_list due(int64_t slice, int64_t slices)
{
    struct usage_list list = { 0 };
    struct err err = ERR_INIT;
    OK(usage_repo_due(fixture_db, "n1", slice, slices, &list, &err));
    return list;
}

/* Ready since long ago: new ones are everybody's. */
static void make(const char *id, const char *node, enum container_status status)
{
    fixture_container(id, node, status == CONTAINER_RUNNING ? "sess_1" : "", status);
    fixture_sql("UPDATE containers SET created_at = created_at - INTERVAL 20 SECOND, ready_at = ready_at - INTERVAL 19 SECOND");
}

START_TEST(test_usage__what_runs_is_due)
{
    make("00000000000a", "n1", CONTAINER_RUNNING);
    make("00000000000b", "n1", CONTAINER_WARM);
    make("00000000000c", "n1", CONTAINER_DELETING);
    make("00000000000d", "n1", CONTAINER_DELETED);
    make("00000000000e", "n1", CONTAINER_CREATING);
    make("00000000000f", "n2", CONTAINER_RUNNING);
    struct usage_list all = due(0, 1);
    ck_assert_uint_eq(all.count, 2);
    ck_assert_int_eq(all.items[0].before_cpu_ms, 0);
    ck_assert_int_ge(all.items[0].elapsed_ms, 20000);
    /* each is in one slice, and only there */
    size_t found = 0;
    for (int slice = 0; slice < 10; slice++) {
        struct usage_list part = due(slice, 10);
        for (size_t i = 0; i < part.count; i++)
            ck_assert_int_eq(part.items[i].seq % 10, slice);
        found += part.count;
        usage_list_release(&part);
    }
    ck_assert_uint_eq(found, 2);
    usage_list_release(&all);
    /* one that has just become ready is not made to wait for its turn */
    fixture_sql("UPDATE containers SET ready_at = UTC_TIMESTAMP(3) WHERE id = '00000000000a'");
    for (int slice = 0; slice < 10; slice++) {
        struct usage_list part = due(slice, 10);
        bool there = false;
        for (size_t i = 0; i < part.count; i++)
            there = there || strcmp(part.items[i].id, "00000000000a") == 0;
        ck_assert(there);
        usage_list_release(&part);
    }
}
END_TEST

START_TEST(test_usage__is_stored)
{
    struct err err = ERR_INIT;
    make("00000000000a", "n1", CONTAINER_RUNNING);
    make("00000000000b", "n1", CONTAINER_WARM);
    struct usage_list list = due(0, 1);
    ck_assert_uint_eq(list.count, 2);
    for (size_t i = 0; i < 2; i++) {
        list.items[i].cpu_time_ms = 5000000000;
        list.items[i].cpu_milli = 1500;
        list.items[i].memory_mb = 77;
    }
    fixture_sql("UPDATE containers SET status = 'deleting' WHERE id = '00000000000b'");
    OK(usage_repo_store(fixture_db, list.items, list.count, &err));
    OK(usage_repo_store(fixture_db, NULL, 0, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE id = '00000000000a' AND cpu_time_ms = 5000000000"
                                    " AND cpu_used_milli = 1500 AND memory_used_mb = 77"
                                    " AND measured_at > UTC_TIMESTAMP(3) - INTERVAL 10 SECOND"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE measured_at IS NOT NULL"), 1);
    usage_list_release(&list);
    list = due(0, 1);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].before_cpu_ms, 5000000000);
    ck_assert_int_lt(list.items[0].elapsed_ms, 10000);
    usage_list_release(&list);
}
END_TEST

static int store_beside(struct db *db, void *arg, struct err *err)
{
    static const struct db_stmt lock = { "SELECT seq FROM containers WHERE id = '00000000000a' FOR UPDATE" };
    struct db *other = arg;
    struct usage_list list = due(0, 1);
    ck_assert_int_eq(DB_QUERY(db, &lock, NULL, NULL, err), 0);
    struct err problem = ERR_INIT;
    ck_assert_msg(usage_repo_store(other, list.items, list.count, &problem) == 0, "%s %s", problem.text, problem.detail);
    usage_list_release(&list);
    return 0;
}

/* A row that somebody works on is passed over, and the others are not kept waiting. */
START_TEST(test_usage__waits_for_nobody)
{
    struct err err = ERR_INIT;
    struct db *other = db_new(&fixture_settings->database);
    make("00000000000a", "n1", CONTAINER_RUNNING);
    make("00000000000b", "n1", CONTAINER_WARM);
    OK(db_transaction(fixture_db, store_beside, other, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE measured_at IS NOT NULL"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE measured_at IS NOT NULL AND id = '00000000000b'"), 1);
    db_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repo_usage");
    TCase *tcase = fixture_case(suite, "usage");
    tcase_add_test(tcase, test_usage__what_runs_is_due);
    tcase_add_test(tcase, test_usage__is_stored);
    tcase_add_test(tcase, test_usage__waits_for_nobody);
    return fixture_run(suite);
}
