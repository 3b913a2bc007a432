/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as they are stored and as they are shown. */
#include "config.h"

#include <check.h>

#include "fcgi/codec/execution_codec.h"

static void expect_artifacts(const char *stored, const char *whole, const char *paths)
{
    struct execution execution = { .status = EXECUTION_COMPLETED };
    execution.outcome = (struct execution_outcome){ .artifacts_json = (char *)stored, .artifacts_skipped = 7 };
    struct json_object *object = execution_encode(&execution), *result = json_object_object_get(object, "result");
    ck_assert_str_eq(json_text(json_object_object_get(object, "artifacts")), whole);
    ck_assert_int_eq(json_object_get_int64(json_object_object_get(object, "artifacts_skipped")), 7);
    ck_assert_str_eq(json_text(json_object_object_get(result, "artifacts")), paths);
    json_object_put(object);
}

/* Found by the control plane; reported by an executor of its own, or stored before there were more than paths. */
START_TEST(test_artifacts__old_and_new)
{
    expect_artifacts("[{\"path\":\"a\",\"size\":3,\"mime_type\":\"text/csv\",\"sha256\":\"0f\"}]",
                     "[{\"path\":\"a\",\"size\":3,\"type\":\"text/csv\",\"sha256\":\"0f\"}]", "[\"a\"]");
    expect_artifacts("[\"b\"]", "[{\"path\":\"b\",\"size\":null,\"type\":null,\"sha256\":null}]", "[\"b\"]");
    expect_artifacts("{}", "[]", "[]");
    expect_artifacts("[1,{\"size\":1},{\"path\":2}]", "[]", "[]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("artifacts");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, test_artifacts__old_and_new);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
