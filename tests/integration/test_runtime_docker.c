/* SPDX-License-Identifier: Apache-2.0 */
/* The docker runtime on this machine's engine. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/io/http.h"
#include "lib/util/clock.h"
#include "lib/util/json.h"
#include "tests/integration/runtime_stage.h"

static struct stage stage;

static void open_stage(void)
{
    stage_open(&stage, "docker");
}

static void close_stage(void)
{
    stage_close(&stage);
}

/* Asks the engine itself. */
static int engine(const char *path, struct json_object **out)
{
    struct err err = ERR_INIT;
    char url[256];
    int status = 0;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(16 * 1024 * 1024);
    snprintf(url, sizeof(url), "http://docker%s", path);
    struct http *http = http_new(&err);
    struct http_request request = { .method = "GET", .unix_path = stage.settings.docker_socket, .url = url, .timeout_ms = 20000 };
    ck_assert_int_eq(http_fetch(http, &request, &status, &text, &err), 0);
    http_free(http);
    if (text.len > 0)
        ck_assert_int_eq(json_parse(text.data, text.len, out, &err), 0);
    return status;
}

START_TEST(test_docker__image_missing)
{
    static const char *const images[] = { "sandbox/no-such-image:1", "UPPER CASE", "" };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
        spec.image = images[i];
        ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), -1);
        ck_assert_int_eq(err.code, ERR_NOT_FOUND);
        ck_assert_ptr_nonnull(strstr(err.text, images[i]));
        stage_assert_nothing_left(&stage);
    }
}
END_TEST

START_TEST(test_docker__oci_runtime_missing)
{
    struct err err = ERR_INIT;
    struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
    spec.oci_runtime = "no-such-runtime";
    ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), -1);
    ck_assert_msg(err.code == ERR_NOT_FOUND, "%s: %s", err.text, err.detail);
    ck_assert_ptr_nonnull(strstr(err.text, "no-such-runtime"));
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_docker__executor_missing)
{
    struct err err = ERR_INIT;
    struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
    strcpy(stage.executor, "/nonexistent/executor");
    ck_assert_int_eq(runtime_create(stage.runtime, &spec, &err), -1);
    ck_assert_ptr_null(strstr(err.text, "/nonexistent"));
    ck_assert_ptr_nonnull(strstr(err.detail, "/nonexistent/executor"));
    stage_assert_nothing_left(&stage);
}
END_TEST

START_TEST(test_docker__engine_down)
{
    struct err err = ERR_INIT;
    struct runtime_info info;
    struct runtime_status status;
    struct runtime_status *rows = NULL;
    size_t count;
    struct runtime_settings settings = stage.settings;
    settings.docker_socket = "/nonexistent/docker.sock";
    struct runtime *runtime = runtime_open(&settings, &err);
    struct runtime_spec spec = stage_spec(&stage, stage.ids[0]);
    ck_assert_ptr_nonnull(runtime);
    ck_assert_int_eq(runtime_info(runtime, &info, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.text, "The container engine does not answer.");
    ck_assert_int_eq(runtime_create(runtime, &spec, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_eq(runtime_inspect(runtime, stage.ids[0], &status, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_eq(runtime_list(runtime, &rows, &count, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_eq(runtime_destroy(runtime, stage.ids[0], &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    runtime_free(runtime);
    /* the room of the creation that failed is found by the engine's next list */
    ck_assert(stage_listed(&stage, stage.ids[0]));
    stage_destroy(&stage, stage.ids[0]);
    stage_assert_nothing_left(&stage);
}
END_TEST

/* It takes connections and says nothing. */
START_TEST(test_docker__engine_hangs)
{
    struct err err = ERR_INIT;
    struct runtime_usage usage;
    cleanup_strbuf struct strbuf out = STRBUF_INIT(1000);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct runtime_settings settings = stage.settings;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/engine.sock", stage.directory);
    cleanup_fd int engine_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(engine_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(engine_fd, 8), 0);
    settings.docker_socket = address.sun_path;
    struct runtime *runtime = runtime_open(&settings, &err);
    ck_assert_ptr_nonnull(runtime);
    int64_t begun = clock_mono_ms();
    ck_assert_int_eq(runtime_logs(runtime, stage.ids[0], 10, 0, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_eq(runtime_usage(runtime, stage.ids[0], &usage, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_le(clock_mono_ms() - begun, 15000);
    runtime_free(runtime);
}
END_TEST

START_TEST(test_docker__volume_goes_with_its_container)
{
    cleanup_json struct json_object *container = NULL, *volume = NULL;
    char path[256] = "", container_path[128];
    snprintf(container_path, sizeof(container_path), "/v1.41/containers/sandbox-%s/json", stage.ids[0]);
    stage_create(&stage, stage.ids[0]);
    ck_assert_int_eq(engine(container_path, &container), 200);
    struct json_object *mounts = json_object_object_get(container, "Mounts");
    for (size_t i = 0; i < json_object_array_length(mounts); i++) {
        struct json_object *mount = json_object_array_get_idx(mounts, i);
        if (strcmp(json_object_get_string(json_object_object_get(mount, "Type")), "volume") == 0)
            snprintf(path, sizeof(path), "/v1.41/volumes/%s", json_object_get_string(json_object_object_get(mount, "Name")));
    }
    ck_assert_str_ne(path, "");
    ck_assert_int_eq(engine(path, &volume), 200);
    json_release(&volume);
    stage_destroy(&stage, stage.ids[0]);
    ck_assert_int_eq(engine(path, &volume), 404);
}
END_TEST

START_TEST(test_docker__exit_code_is_known)
{
    struct err err = ERR_INIT;
    struct runtime_status status = { 0 };
    stage_create(&stage, stage.ids[0]);
    stage_run(&stage, stage.ids[0], "exit", "");
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(runtime_inspect(stage.runtime, stage.ids[0], &status, &err), 0);
        if (status.state == RUNTIME_STOPPED)
            break;
        usleep(10000);
    }
    ck_assert_int_eq(status.state, RUNTIME_STOPPED);
    ck_assert_int_eq(status.exit_code, 7);
    ck_assert(!status.oom_killed);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("runtime_docker");
    TCase *common = tcase_create("common"), *looks = tcase_create("looks"), *own = tcase_create("docker");
    stage_add_common(common);
    stage_add_looks(looks);
    suite_add_tcase(all, looks);
    tcase_add_checked_fixture(own, open_stage, close_stage);
    tcase_set_timeout(own, 120);
    tcase_add_test(own, test_docker__image_missing);
    tcase_add_test(own, test_docker__oci_runtime_missing);
    tcase_add_test(own, test_docker__executor_missing);
    tcase_add_test(own, test_docker__engine_down);
    tcase_add_test(own, test_docker__engine_hangs);
    tcase_add_test(own, test_docker__volume_goes_with_its_container);
    tcase_add_test(own, test_docker__exit_code_is_known);
    suite_add_tcase(all, common);
    suite_add_tcase(all, own);
    return all;
}

int main(void)
{
    return stage_main("docker", suite);
}
