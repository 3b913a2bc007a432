/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client for web services: whom it believes, where it does not go, how it fails. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/io/web.h"
#include "lib/util/clock.h"
#include "lib/util/strbuf.h"
#include "tests/fakes/fault_proxy.h"

#define OK "HTTP/1.1 200 OK\r\nX-Long: 0123456789\r\nConnection: close\r\n\r\nhello"

static struct web *web;
static struct fault_proxy *server;
static struct err err;
static int status;

static void begin(const char *answer)
{
    err = ERR_INIT;
    web = web_new(&err);
    ck_assert_ptr_nonnull(web);
    server = fault_proxy_start("http://127.0.0.1:9");
    fault_proxy_set(server, (struct fault){ FAULT_ANSWER, "", 0, answer, -1 });
}

static void end(void)
{
    web_free(web);
    fault_proxy_stop(server);
}

static int keep(void *arg, int answered, const char *data, size_t len)
{
    (void)answered;
    strbuf_add(arg, data, len);
    return 0;
}

static int get(const char *url)
{
    const struct web_request request = { .method = "GET", .url = url, .silence_ms = 1000 };
    return web_call(web, &request, &status, &err);
}

START_TEST(test_web__answer)
{
    char cut[5];
    struct strbuf body = STRBUF_INIT(100);
    begin(OK);
    struct web_wanted wanted[] = { { "x-long", cut, sizeof(cut) } };
    const struct web_request request = { .method = "GET", .url = fault_proxy_url(server), .on_data = keep, .arg = &body,
                                         .wanted = wanted, .wanted_count = 1 };
    ck_assert_int_eq(web_call(web, &request, &status, &err), 0);
    ck_assert_int_eq(status, 200);
    ck_assert_str_eq(strbuf_str(&body), "hello");
    ck_assert_str_eq(cut, "0123");
    strbuf_release(&body);
    end();
}
END_TEST

static int refuse(void *arg, int answered, const char *data, size_t len)
{
    (void)arg, (void)answered, (void)data, (void)len;
    return -1;
}

START_TEST(test_web__callback_ends_it)
{
    begin(OK);
    const struct web_request request = { .method = "GET", .url = fault_proxy_url(server), .on_data = refuse };
    ck_assert_int_eq(web_call(web, &request, &status, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNCERTAIN);
    end();
}
END_TEST

START_TEST(test_web__no_redirects)
{
    begin("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    ck_assert_int_eq(get(fault_proxy_url(server)), 0);
    ck_assert_int_eq(status, 302);
    ck_assert_int_eq(fault_proxy_requests(server), 1);
    end();
}
END_TEST

START_TEST(test_web__no_proxy_of_the_environment)
{
    begin(OK);
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    ck_assert_msg(get(fault_proxy_url(server)) == 0, "%s", err.detail);
    end();
}
END_TEST

START_TEST(test_web__other_protocols)
{
    static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/" };
    begin(OK);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        ck_assert_int_eq(get(urls[i]), -1);
        ck_assert_int_eq(err.code, ERR_INTERNAL);
    }
    end();
}
END_TEST

START_TEST(test_web__failures)
{
    begin(OK);
    ck_assert_int_eq(get("http://127.0.0.1:9/"), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    fault_proxy_set(server, (struct fault){ FAULT_ANSWER, "", 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", -1 });
    ck_assert_int_eq(get(fault_proxy_url(server)), -1);
    ck_assert_int_eq(err.code, ERR_UNCERTAIN);
    fault_proxy_set(server, (struct fault){ FAULT_ANSWER, "", 0, "", -1 });
    ck_assert_int_eq(get(fault_proxy_url(server)), -1);
    ck_assert_int_eq(err.code, ERR_UNCERTAIN);
    fault_proxy_set(server, (struct fault){ FAULT_SILENCE, "", 0, NULL, -1 });
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(get(fault_proxy_url(server)), -1);
    ck_assert_int_eq(err.code, ERR_TIMEOUT);
    ck_assert_int_lt(clock_mono_ms() - began, 5000);
    end();
}
END_TEST

/* --- TLS: openssl's test server, with a certificate for 127.0.0.1 or for somebody else */

static char directory[64];
static pid_t tls_server;
static int tls_port;

static void start_tls(const char *name)
{
    char command[1024];
    snprintf(directory, sizeof(directory), "/tmp/sandbox-web.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -addext "
             "'subjectAltName=%s' -keyout %s/key.pem -out %s/cert.pem 2>/dev/null", name, directory, directory);
    ck_assert_int_eq(system(command), 0);
    /* a port that was free a moment ago */
    struct fault_proxy *probe = fault_proxy_start("http://127.0.0.1:9");
    ck_assert_int_eq(sscanf(fault_proxy_url(probe), "http://127.0.0.1:%d", &tls_port), 1);
    fault_proxy_stop(probe);
    tls_server = fork();
    if (tls_server == 0) {
        char accept[32], cert[96], key[96];
        snprintf(accept, sizeof(accept), "127.0.0.1:%d", tls_port);
        snprintf(cert, sizeof(cert), "%s/cert.pem", directory);
        snprintf(key, sizeof(key), "%s/key.pem", directory);
        execlp("openssl", "openssl", "s_server", "-accept", accept, "-cert", cert, "-key", key, "-www", "-quiet", (char *)NULL);
        _exit(127);
    }
}

static void end_tls(void)
{
    char command[128];
    kill(tls_server, SIGKILL);
    waitpid(tls_server, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* Tries until the server listens. */
static int get_tls(bool with_authority)
{
    char url[64], authority[96];
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", tls_port);
    snprintf(authority, sizeof(authority), "%s/cert.pem", directory);
    const struct web_request request = { .method = "GET", .url = url, .ca_file = with_authority ? authority : NULL, .silence_ms = 5000 };
    for (int tries = 0; tries < 200; tries++) {
        if (web_call(web, &request, &status, &err) == 0)
            return 0;
        if (err.code != ERR_UNAVAILABLE)
            return -1;
        nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000000L }, NULL);
    }
    return -1;
}

START_TEST(test_web__certificates)
{
    begin(OK);
    start_tls("IP:127.0.0.1");
    ck_assert_int_eq(get_tls(false), -1);
    ck_assert_msg(err.code == ERR_INTERNAL && strstr(err.detail, "certificate"), "%d %s", err.code, err.detail);
    ck_assert_msg(get_tls(true) == 0, "%s", err.detail);
    ck_assert_int_eq(status, 200);
    end_tls();
    end();
}
END_TEST

START_TEST(test_web__certificate_of_somebody_else)
{
    begin(OK);
    start_tls("DNS:elsewhere.example.org");
    ck_assert_int_eq(get_tls(true), -1);
    ck_assert_msg(err.code == ERR_INTERNAL && strstr(err.detail, "127.0.0.1"), "%d %s", err.code, err.detail);
    end_tls();
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("web");
    TCase *cases = tcase_create("web");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, test_web__answer);
    tcase_add_test(cases, test_web__callback_ends_it);
    tcase_add_test(cases, test_web__no_redirects);
    tcase_add_test(cases, test_web__no_proxy_of_the_environment);
    tcase_add_test(cases, test_web__other_protocols);
    tcase_add_test(cases, test_web__failures);
    tcase_add_test(cases, test_web__certificates);
    tcase_add_test(cases, test_web__certificate_of_somebody_else);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
