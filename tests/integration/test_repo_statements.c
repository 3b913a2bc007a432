/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement of every repository is one that this server and this schema understand. */
#include "lib/repo/statements.h"
#include "tests/integration/db_fixture.h"

START_TEST(test_statements__each_can_be_prepared)
{
    struct err err = ERR_INIT;
    size_t count = 0;
    for (size_t r = 0; r < repo_statement_table_count; r++)
        for (const struct db_stmt *stmt = repo_statement_tables[r].statements; stmt->sql; stmt++, count++)
            ck_assert_msg(db_prepare_only(fixture_db, stmt, &err) == 0, "%s: %s\n%s",
                          repo_statement_tables[r].repo, err.detail, stmt->sql);
    ck_assert_uint_gt(count, 60);
}
END_TEST

START_TEST(test_statements__a_wrong_one_is_refused)
{
    static const struct db_stmt wrong = { "SELECT no_such_column FROM sessions" };
    struct err err = ERR_INIT;
    FAILS(db_prepare_only(fixture_db, &wrong, &err), ERR_INTERNAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repo_statements");
    TCase *tcase = fixture_case(suite, "statements");
    tcase_add_test(tcase, test_statements__each_can_be_prepared);
    tcase_add_test(tcase, test_statements__a_wrong_one_is_refused);
    return fixture_run(suite);
}
