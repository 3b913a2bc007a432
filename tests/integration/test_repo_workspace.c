/* SPDX-License-Identifier: Apache-2.0 */
/* The index of files: both sides change it, the sums follow, and no object is lost sight of. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/workspace_repo.h"
#include "tests/integration/db_fixture.h"

static char container[CONTAINER_ID_SIZE];

static struct workspace_file file(const char *path, const char *object_id, int64_t size)
{
    struct workspace_file out = { .size = size, .sha256 = "00", .mime_type = "text/plain", .mode = 0640 };
    snprintf(out.path, sizeof(out.path), "%s", path);
    snprintf(out.object_id, sizeof(out.object_id), "%s", object_id);
    return out;
}

static int put(const char *path, const char *object_id, int64_t size, struct err *err)
{
    struct workspace_file made = file(path, object_id, size);
    *err = ERR_INIT;
    return workspace_repo_put(fixture_db, "me", "s1", &made, 60, err);
}

static int take(const char *path, const char *object_id, int64_t size, const char *source, struct err *err)
{
    struct workspace_file made = file(path, object_id, size);
    *err = ERR_INIT;
    snprintf(made.source, sizeof(made.source), "%s", source);
    made.execution_seq = 7;
    return workspace_repo_take(fixture_db, "s1", container, &made, 1, NULL, 0, 60, err);
}

static struct workspace_state state(void)
{
    struct err err = ERR_INIT;
    struct workspace_state out;
    OK(workspace_repo_state(fixture_db, NULL, "s1", &out, &err));
    return out;
}

/* Rows, sums and garbage say the same of how many there are. */
static void check_sums(int64_t files, int64_t bytes, int64_t garbage)
{
    struct workspace_state now = state();
    ck_assert_int_eq(now.files, files);
    ck_assert_int_eq(now.bytes, bytes);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files WHERE deleted = 0"), files);
    ck_assert_int_eq(fixture_number("SELECT IFNULL(SUM(size), 0) FROM workspace_files"), bytes);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM storage_garbage WHERE object_id <> ''"), garbage);
}

static void set_up(void)
{
    struct err err = ERR_INIT;
    fixture_setup();
    fixture_session("s1", "me", SESSION_RUNNING);
    struct workspace_state now;
    OK(workspace_repo_state(fixture_db, NULL, "s1", &now, &err));
    memcpy(container, now.container_id, sizeof(container));
}

START_TEST(test_workspace__a_clients_file_is_found_listed_and_replaced)
{
    struct err err = ERR_INIT;
    struct workspace_file got;
    OK(put("a.txt", "o1", 10, &err));
    OK(put("a.txt", "o2", 30, &err));
    check_sums(1, 30, 1);
    OK(workspace_repo_find(fixture_db, "s1", "a.txt", &got, &err));
    ck_assert_str_eq(got.object_id, "o2");
    ck_assert(got.pending && got.change_seq == 2 && got.mode == FILE_MODE_DEFAULT && got.modified_at > 0);
    FAILS(workspace_repo_find(fixture_db, "s1", "A.txt", &got, &err), ERR_FILE_NOT_FOUND);
    FAILS(workspace_repo_find(fixture_db, "s1", "a.txt ", &got, &err), ERR_FILE_NOT_FOUND);
    ck_assert_int_eq(state().seq, 2);
    ck_assert_int_eq(state().synced_seq, 0);
}
END_TEST

START_TEST(test_workspace__lists_by_prefix)
{
    static const char *const paths[] = { "a", "a%b", "a_b", "b/c", "b/d/e", "b\xc3\xa4", "z" };
    static const struct { const char *prefix; int64_t total; } cases[] = {
        { "", 7 }, { "a", 3 }, { "a%", 1 }, { "a_", 1 }, { "b/", 2 }, { "b", 3 }, { "b\xc3\xa4", 1 }, { "y", 0 }, { "A", 0 },
    };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        OK(put(paths[i], "o", 1, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup(workspace_list_release) struct workspace_list list = { 0 };
        OK(workspace_repo_list(fixture_db, "s1", cases[i].prefix, &(struct page){ 50, 0 }, &list, &err));
        ck_assert_msg(list.total == cases[i].total, "%s: %lld", cases[i].prefix, (long long)list.total);
        ck_assert_int_eq(list.count, list.total);
    }
    cleanup(workspace_list_release) struct workspace_list page = { 0 };
    OK(workspace_repo_list(fixture_db, "s1", "", &(struct page){ 2, 3 }, &page, &err));
    ck_assert_int_eq(page.count, 2);
    ck_assert_str_eq(page.items[0].path, "b/c");
    ck_assert_str_eq(page.items[1].path, "b/d/e");
}
END_TEST

START_TEST(test_workspace__refuses_what_does_not_fit)
{
    struct err err = ERR_INIT;
    struct workspace_file other = file("x", "o", 1);
    OK(put("dir/file", "o1", 1, &err));
    FAILS(put("dir", "o2", 1, &err), ERR_CONFLICT);
    FAILS(put("dir/file/x", "o2", 1, &err), ERR_CONFLICT);
    OK(put("dir2", "o2", 1, &err));
    OK(put("dir-x", "o3", 1, &err));
    FAILS(workspace_repo_put(fixture_db, "somebody", "s1", &other, 60, &err), ERR_SESSION_NOT_FOUND);
    int64_t limit = state().disk_mb * 1024 * 1024;
    FAILS(put("big", "o4", limit - 2, &err), ERR_TOO_LARGE);
    OK(put("big", "o4", limit - 3, &err));
    check_sums(4, limit, 0);
    fixture_sql("UPDATE sessions SET workspace_files = 100000");
    FAILS(put("one-more", "o5", 0, &err), ERR_TOO_LARGE);
    OK(put("big", "o6", 1, &err));
    fixture_sql("UPDATE sessions SET status = 'terminated'");
    FAILS(put("late", "o7", 1, &err), ERR_SESSION_NOT_FOUND);
}
END_TEST

START_TEST(test_workspace__a_delete_waits_for_the_container)
{
    struct err err = ERR_INIT;
    struct workspace_file got;
    OK(put("a", "o1", 10, &err));
    OK(workspace_repo_delete(fixture_db, "me", "s1", "a", 60, &err));
    check_sums(0, 0, 1);
    FAILS(workspace_repo_find(fixture_db, "s1", "a", &got, &err), ERR_FILE_NOT_FOUND);
    FAILS(workspace_repo_delete(fixture_db, "me", "s1", "a", 60, &err), ERR_FILE_NOT_FOUND);
    cleanup(workspace_list_release) struct workspace_list pending = { 0 };
    OK(workspace_repo_pending(fixture_db, "s1", 10, &pending, &err));
    ck_assert_int_eq(pending.count, 1);
    ck_assert(pending.items[0].deleted);
    OK(workspace_repo_pushed(fixture_db, "s1", container, pending.items, 1, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files"), 0);
    OK(put("b", "o2", 10, &err));
    fixture_sql("UPDATE sessions SET status = 'terminated'");
    OK(workspace_repo_delete(fixture_db, "me", "s1", "b", 60, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files"), 0);
    check_sums(0, 0, 2);
}
END_TEST

START_TEST(test_workspace__what_changes_while_it_is_pushed_stays_pending)
{
    struct err err = ERR_INIT;
    cleanup(workspace_list_release) struct workspace_list pending = { 0 }, left = { 0 };
    OK(put("a", "o1", 1, &err));
    OK(put("b", "o2", 1, &err));
    OK(workspace_repo_pending(fixture_db, "s1", 10, &pending, &err));
    ck_assert_int_eq(pending.count, 2);
    OK(put("b", "o3", 1, &err));
    snprintf(pending.items[0].source, FILE_SOURCE_SIZE, "v1");
    OK(workspace_repo_pushed(fixture_db, "s1", container, pending.items, 2, &err));
    OK(workspace_repo_pending(fixture_db, "s1", 10, &left, &err));
    ck_assert_int_eq(left.count, 1);
    ck_assert_str_eq(left.items[0].object_id, "o3");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files WHERE source = 'v1' AND path = 'a'"), 1);
    FAILS(workspace_repo_pushed(fixture_db, "s1", "other", pending.items, 2, &err), ERR_CONFLICT);
    OK(workspace_repo_synced(fixture_db, container, 2, &err));
    OK(workspace_repo_synced(fixture_db, container, 1, &err));
    ck_assert_int_eq(state().synced_seq, 2);
    ck_assert_int_eq(state().seq, 3);
}
END_TEST

START_TEST(test_workspace__takes_what_came_out)
{
    struct err err = ERR_INIT;
    const struct workspace_gone gone[] = { { "d", true }, { "x", false } };
    OK(put("d/new", "o6", 1, &err)); /* the container does not have it yet: it cannot have gone */
    OK(take("d/1", "o1", 10, "v", &err));
    OK(take("d/2", "o2", 10, "v", &err));
    OK(take("d", "o0", 10, "v", &err)); /* whatever order things come in */
    OK(take("dd", "o3", 10, "v", &err));
    OK(take("x", "o4", 10, "v", &err));
    OK(take("x/y", "o5", 10, "v", &err));
    check_sums(7, 61, 0);
    OK(workspace_repo_take(fixture_db, "s1", container, NULL, 0, gone, 2, 60, &err));
    check_sums(3, 21, 4);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files WHERE path IN ('dd', 'x/y', 'd/new')"), 3);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files WHERE pending = 0 AND execution_seq = 7"), 2);
    FAILS(take("big", "o7", state().disk_mb * 1024 * 1024, "v", &err), ERR_TOO_LARGE);
    check_sums(3, 21, 4);
    memcpy(container, "000000000000", sizeof(container));
    FAILS(take("late", "o8", 1, "v", &err), ERR_CONFLICT);
    ck_assert_int_eq(state().seq, 1);
}
END_TEST

static int count_source(void *arg, const char *path, const char *source, int64_t execution_seq, struct err *err)
{
    (void)err;
    ck_assert_str_eq(path, "a");
    ck_assert_str_eq(source, "v");
    ck_assert_int_eq(execution_seq, 7);
    ++*(int *)arg;
    return 0;
}

START_TEST(test_workspace__another_container_has_nothing)
{
    struct err err = ERR_INIT;
    int count = 0;
    OK(take("a", "o1", 1, "v", &err));
    OK(put("b", "o2", 1, &err));
    OK(put("c", "o3", 1, &err));
    OK(workspace_repo_delete(fixture_db, "me", "s1", "c", 60, &err));
    OK(workspace_repo_sources(fixture_db, "s1", count_source, &count, &err));
    ck_assert_int_eq(count, 1);
    OK(workspace_repo_restart(fixture_db, "s1", container, &err));
    ck_assert_int_eq(state().synced_seq, -1);
    cleanup(workspace_list_release) struct workspace_list pending = { 0 };
    OK(workspace_repo_pending(fixture_db, "s1", 10, &pending, &err));
    ck_assert_int_eq(pending.count, 2);
    ck_assert_str_eq(pending.items[0].path, "a");
    ck_assert_str_eq(pending.items[0].source, "");
    check_sums(2, 2, 1);
}
END_TEST

static void put_one(int index)
{
    struct err err = ERR_INIT;
    char object[OBJECT_ID_SIZE];
    struct db *db = db_new(&fixture_settings->database);
    for (int i = 0; i < 20; i++) {
        snprintf(object, sizeof(object), "o%d-%d", index, i);
        struct workspace_file made = file("same", object, index);
        OK(workspace_repo_put(db, "me", "s1", &made, 60, &err));
    }
    db_free(db);
}

START_TEST(test_workspace__changes_come_one_after_another)
{
    fixture_threads(8, put_one);
    ck_assert_int_eq(state().seq, 160);
    ck_assert_int_eq(state().files, 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(DISTINCT object_id) FROM storage_garbage"), 159);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files f JOIN storage_garbage g USING (object_id)"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repo_workspace");
    TCase *tcase = tcase_create("index");
    tcase_add_checked_fixture(tcase, set_up, fixture_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_workspace__a_clients_file_is_found_listed_and_replaced);
    tcase_add_test(tcase, test_workspace__lists_by_prefix);
    tcase_add_test(tcase, test_workspace__refuses_what_does_not_fit);
    tcase_add_test(tcase, test_workspace__a_delete_waits_for_the_container);
    tcase_add_test(tcase, test_workspace__what_changes_while_it_is_pushed_stays_pending);
    tcase_add_test(tcase, test_workspace__takes_what_came_out);
    tcase_add_test(tcase, test_workspace__another_container_has_nothing);
    tcase_add_test(tcase, test_workspace__changes_come_one_after_another);
    return fixture_run(suite);
}
