/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to the engine's address: what is taken, what is refused, where executors are. */
#include <check.h>
#include <string.h>

#include "lib/runtime/docker_target.h"

#define ID "0123456789ab"
#define CERTS "/etc/sandbox/tls"

static struct runtime_settings settings_of(const char *host, const char *tls)
{
    return (struct runtime_settings){ .kind = "docker", .directory = "/var/lib/sb", .docker_socket = "/run/docker.sock",
                                      .docker_host = (char *)host, .docker_tls = (char *)tls };
}

START_TEST(test_docker_target__taken)
{
    static const struct {
        const char *host, *tls, *unix_path, *url, *key;
        bool remote;
    } rows[] = {
        { "", "", "/run/docker.sock", "http://docker/info", NULL, false },
        { NULL, NULL, "/run/docker.sock", "http://docker/info", NULL, false },
        { "", CERTS, "/run/docker.sock", "http://docker/info", NULL, false },
        { "unix:///srv/other.sock", "", "/srv/other.sock", "http://docker/info", NULL, false },
        { "tcp://10.0.0.7:2376", CERTS, NULL, "https://10.0.0.7:2376/info", CERTS "/key.pem", true },
        { "tcp://engine.example:2376", CERTS, NULL, "https://engine.example:2376/info", CERTS "/key.pem", true },
        { "tcp://127.0.0.1:2376", CERTS, NULL, "https://127.0.0.1:2376/info", CERTS "/key.pem", true },
        { "tcp://127.0.0.1:2375", "", NULL, "http://127.0.0.1:2375/info", NULL, true },
        { "tcp://localhost:2375", NULL, NULL, "http://localhost:2375/info", NULL, true },
        { "tcp://[::1]:2375", "", NULL, "http://[::1]:2375/info", NULL, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = ERR_INIT;
        struct docker_target target;
        struct http_request request = { .method = "GET" };
        char url[DOCKER_URL_SIZE];
        struct runtime_settings settings = settings_of(rows[i].host, rows[i].tls);
        int status = docker_target_read(&settings, &target, &err);
        ck_assert_msg(status == 0, "%zu: %s", i, err.text);
        docker_target_aim(&target, "/info", url, &request);
        ck_assert_str_eq(request.url, rows[i].url);
        ck_assert_pstr_eq(request.unix_path, rows[i].unix_path);
        ck_assert_pstr_eq(request.tls.key_file, rows[i].key);
        ck_assert(target.remote == rows[i].remote);
        ck_assert(docker_target_remote(&settings) == rows[i].remote);
    }
}
END_TEST

START_TEST(test_docker_target__refused)
{
    static const struct {
        const char *host, *tls, *says;
    } rows[] = {
        { "tcp://10.0.0.7:2375", "", "runtime.docker_tls" },
        { "tcp://10.0.0.7:2375", NULL, "runtime.docker_tls" },
        { "tcp://127.example.com:2375", "", "runtime.docker_tls" },
        { "tcp://127.0.0.1.example.com:2375", "", "runtime.docker_tls" },
        { "tcp://localhost.example.com:2375", "", "runtime.docker_tls" },
        { "tcp://128.0.0.1:2375", "", "runtime.docker_tls" },
        { "tcp://10.0.0.7:2376", "certs", "absolute path" },
        { "tcp://10.0.0.7", CERTS, "tcp://HOST:PORT" },
        { "http://10.0.0.7:2376", CERTS, "tcp://HOST:PORT" },
        { "unix://relative.sock", "", "absolute path" },
        { "docker", "", "tcp://HOST:PORT" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = ERR_INIT;
        struct docker_target target;
        struct runtime_settings settings = settings_of(rows[i].host, rows[i].tls);
        ck_assert_msg(docker_target_read(&settings, &target, &err) == -1, "%s is taken", rows[i].host);
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s: %s", rows[i].host, err.text);
    }
}
END_TEST

START_TEST(test_docker_target__endpoint)
{
    struct runtime_endpoint endpoint;
    struct runtime_settings settings = settings_of("tcp://10.0.0.7:2376", CERTS);
    runtime_endpoint(&settings, ID, &endpoint);
    ck_assert_str_eq(endpoint.unix_path, "/var/lib/sb/relay/relay.sock");
    ck_assert_str_eq(endpoint.url, "http://executor-" ID);
    settings.docker_host = "unix:///srv/other.sock";
    runtime_endpoint(&settings, ID, &endpoint);
    ck_assert_str_eq(endpoint.unix_path, "/var/lib/sb/" ID "/run/executor.sock");
    settings = settings_of("tcp://10.0.0.7:2376", CERTS);
    settings.kind = "process";
    runtime_endpoint(&settings, ID, &endpoint);
    ck_assert_str_eq(endpoint.unix_path, "/var/lib/sb/" ID "/run/executor.sock");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker_target");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, test_docker_target__taken);
    tcase_add_test(cases, test_docker_target__refused);
    tcase_add_test(cases, test_docker_target__endpoint);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
