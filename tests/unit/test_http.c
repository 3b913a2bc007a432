/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a server that answers, breaks off, hangs and falls silent as the path asks it to. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/http.h"
#include "lib/util/clock.h"

static char directory[] = "/tmp/test-http-XXXXXX";
static char socket_path[64];
static pid_t server;
static struct http *http;

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        _exit(0);
}

static void answer(int fd, const char *status, const char *body, size_t len)
{
    char head[256];
    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, len);
    say(fd, head);
    if (write(fd, body, len) < 0)
        _exit(0);
}

/* One request of a connection: false ends the connection. */
static bool serve_request(int fd, int connection, const char *request, size_t len)
{
    static char big[200000];
    char text[32];
    const char *path = strchr(request, ' ') + 1;
    if (strncmp(path, "/ok ", 4) == 0)
        answer(fd, "200 OK", "fine", 4);
    else if (strncmp(path, "/missing ", 9) == 0)
        answer(fd, "404 Not Found", "", 0);
    else if (strncmp(path, "/echo ", 6) == 0)
        answer(fd, "200 OK", request, len);
    else if (strncmp(path, "/big ", 5) == 0)
        answer(fd, "200 OK", memset(big, 'x', sizeof(big)), sizeof(big));
    else if (strncmp(path, "/partial ", 9) == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    else if (strncmp(path, "/hang ", 6) == 0)
        pause();
    else if (strncmp(path, "/silent ", 8) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        pause();
    } else if (strncmp(path, "/connection ", 12) == 0) {
        snprintf(text, sizeof(text), "%d", connection);
        answer(fd, "200 OK", text, strlen(text));
    }
    return strncmp(path, "/close ", 7) != 0 && strncmp(path, "/partial ", 9) != 0;
}

static void serve_connection(int fd, int connection)
{
    char request[8192];
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, request + len, sizeof(request) - 1 - len);
        if (got <= 0)
            _exit(0);
        len += (size_t)got;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "\r\nContent-Length:");
        if (!end || len < (size_t)(end + 4 - request) + (length ? strtoul(length + 17, NULL, 10) : 0))
            continue;
        if (!serve_request(fd, connection, request, len))
            _exit(0);
        len = 0;
    }
}

static void serve(int listener)
{
    setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN);
    for (int connection = 1;; connection++) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0)
            serve_connection(fd, connection);
        close(fd);
    }
}

static void set_up(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
    strcpy(address.sun_path, socket_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
    server = fork();
    if (server == 0)
        serve(listener);
    setpgid(server, server);
    close(listener);
    struct err err = ERR_INIT;
    http = http_new(&err);
    ck_assert_ptr_nonnull(http);
}

static void tear_down(void)
{
    http_free(http);
    kill(-server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(socket_path);
    rmdir(directory);
}

static struct http_request request_of(const char *method, const char *url)
{
    return (struct http_request){ .method = method, .unix_path = socket_path, .url = url, .timeout_ms = 10000 };
}

/* The status, or minus the error's code. */
static int fetch(const struct http_request *request, struct strbuf *body)
{
    struct err err = ERR_INIT;
    int status = 0;
    return http_fetch(http, request, &status, body, &err) == 0 ? status : -(int)err.code;
}

static int fetch_path(const char *url)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(1000000);
    struct http_request request = request_of("GET", url);
    return fetch(&request, &body);
}

START_TEST(test_http__statuses)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(100);
    struct http_request request = request_of("GET", "http://x/ok");
    ck_assert_int_eq(fetch(&request, &body), 200);
    ck_assert_str_eq(strbuf_str(&body), "fine");
    ck_assert_int_eq(fetch_path("http://x/missing"), 404);
}
END_TEST

START_TEST(test_http__request_is_sent_whole)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(8192);
    struct http_request request = request_of("POST", "http://x/echo");
    request.bearer = "secret";
    request.body = "{\"a\":1}";
    request.body_len = 7;
    ck_assert_int_eq(fetch(&request, &body), 200);
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "POST /echo HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "\r\nAuthorization: Bearer secret\r\n"));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "\r\n\r\n{\"a\":1}"));
    ck_assert_ptr_null(strstr(strbuf_str(&body), "Expect"));
    strbuf_reset(&body);
    request = request_of("DELETE", "http://x/echo");
    ck_assert_int_eq(fetch(&request, &body), 200);
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "DELETE /echo"));
    strbuf_reset(&body);
    request = request_of("POST", "http://x/echo");
    ck_assert_int_eq(fetch(&request, &body), 200);
    ck_assert_ptr_nonnull(strstr(strbuf_str(&body), "\r\nContent-Length: 0\r\n"));
}
END_TEST

START_TEST(test_http__outcomes_are_told_apart)
{
    struct http_request nowhere = request_of("GET", "http://x/ok"), refused = request_of("GET", "http://127.0.0.1:1/");
    cleanup_strbuf struct strbuf body = STRBUF_INIT(100);
    nowhere.unix_path = "/nonexistent/socket";
    ck_assert_int_eq(fetch(&nowhere, &body), -ERR_UNAVAILABLE);
    refused.unix_path = NULL;
    ck_assert_int_eq(fetch(&refused, &body), -ERR_UNAVAILABLE);
    ck_assert_int_eq(fetch_path("http://x/close"), -ERR_UNCERTAIN);
    ck_assert_int_eq(fetch_path("http://x/partial"), -ERR_UNCERTAIN);
    ck_assert_int_eq(fetch_path("file:///etc/passwd"), -ERR_UNAVAILABLE);
}
END_TEST

START_TEST(test_http__timeouts)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(100);
    struct http_request hang = request_of("GET", "http://x/hang"), silent = request_of("GET", "http://x/silent");
    hang.timeout_ms = 200;
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(fetch(&hang, &body), -ERR_TIMEOUT);
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    silent.silence_ms = 1000;
    before = clock_mono_ms();
    ck_assert_int_eq(fetch(&silent, &body), -ERR_TIMEOUT);
    ck_assert_str_eq(strbuf_str(&body), "hello");
    ck_assert_int_ge(clock_mono_ms() - before, 1000);
    ck_assert_int_lt(clock_mono_ms() - before, 4000);
}
END_TEST

START_TEST(test_http__answer_over_the_ceiling)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(1000);
    struct http_request request = request_of("GET", "http://x/big");
    ck_assert_int_eq(fetch(&request, &body), -ERR_TOO_LARGE);
    ck_assert_int_eq(fetch_path("http://x/big"), 200);
}
END_TEST

START_TEST(test_http__connection_is_kept)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(100);
    struct http_request request = request_of("GET", "http://x/connection");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(fetch(&request, &body), 200);
    ck_assert_str_eq(strbuf_str(&body), "111");
}
END_TEST

struct seen {
    int done, status;
    enum err_code code;
    size_t bytes;
    const char *then_start; /* started from within on_data */
    struct http_call *then_cancel;
    struct seen *other;
};

static void seen_done(void *arg, int status, const struct err *err)
{
    struct seen *seen = arg;
    seen->done++;
    seen->status = status;
    seen->code = err ? err->code : ERR_NONE;
}

static int seen_data(void *arg, const char *data, size_t len);

static struct http_call *start(const char *url, struct seen *seen)
{
    struct err err = ERR_INIT;
    struct http_call *call = NULL;
    struct http_request request = request_of("GET", url);
    request.on_data = seen_data;
    request.on_done = seen_done;
    request.arg = seen;
    ck_assert_int_eq(http_start(http, &request, &call, &err), 0);
    return call;
}

static int seen_data(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;
    (void)data;
    seen->bytes += len;
    if (seen->then_start)
        start(seen->then_start, seen->other);
    if (seen->then_cancel)
        http_cancel(http, seen->then_cancel);
    seen->then_start = NULL;
    seen->then_cancel = NULL;
    return 0;
}

static void run_until(const int *done, int count)
{
    struct err err = ERR_INIT;
    int64_t deadline = clock_mono_ms() + 5000;
    while (*done < count && clock_mono_ms() < deadline)
        ck_assert_int_eq(http_run(http, NULL, 0, 100, &err), 0);
    ck_assert_int_eq(*done, count);
}

START_TEST(test_http__many_at_once)
{
    struct seen seen[50] = { 0 };
    for (int i = 0; i < 50; i++)
        start("http://x/ok", &seen[i]);
    ck_assert_uint_eq(http_active(http), 50);
    for (int i = 0; i < 50; i++)
        run_until(&seen[i].done, 1);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(seen[i].status, 200);
    ck_assert_uint_eq(http_active(http), 0);
}
END_TEST

START_TEST(test_http__cancel)
{
    struct seen seen = { 0 };
    struct http_call *call = start("http://x/hang", &seen);
    struct err err = ERR_INIT;
    ck_assert_int_eq(http_run(http, NULL, 0, 20, &err), 0);
    http_cancel(http, call);
    ck_assert_int_eq(seen.done, 1);
    ck_assert_int_eq(seen.code, ERR_UNCERTAIN);
    ck_assert_uint_eq(http_active(http), 0);
}
END_TEST

START_TEST(test_http__start_and_cancel_from_a_callback)
{
    struct seen hanging = { 0 }, started = { 0 };
    struct seen first = { .then_start = "http://x/ok", .other = &started };
    first.then_cancel = start("http://x/hang", &hanging);
    start("http://x/ok", &first);
    run_until(&first.done, 1);
    run_until(&hanging.done, 1);
    run_until(&started.done, 1);
    ck_assert_int_eq(hanging.code, ERR_UNCERTAIN);
    ck_assert_int_eq(started.status, 200);
}
END_TEST

START_TEST(test_http__free_ends_what_is_under_way)
{
    struct seen seen = { 0 };
    struct err err = ERR_INIT;
    start("http://x/hang", &seen);
    http_free(http);
    ck_assert_int_eq(seen.done, 1);
    http = http_new(&err);
}
END_TEST

START_TEST(test_http__extra_descriptors_wake)
{
    struct err err = ERR_INIT;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct pollfd extra = { .fd = ends[0], .events = POLLIN };
    ck_assert_int_eq(http_run(http, &extra, 1, 10, &err), 0);
    ck_assert_int_eq(extra.revents, 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(http_run(http, &extra, 1, 5000, &err), 0);
    ck_assert_int_lt(clock_mono_ms() - before, 2000);
    ck_assert_int_eq(extra.revents, POLLIN);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *cases = tcase_create("http");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, test_http__statuses);
    tcase_add_test(cases, test_http__request_is_sent_whole);
    tcase_add_test(cases, test_http__outcomes_are_told_apart);
    tcase_add_test(cases, test_http__timeouts);
    tcase_add_test(cases, test_http__answer_over_the_ceiling);
    tcase_add_test(cases, test_http__connection_is_kept);
    tcase_add_test(cases, test_http__many_at_once);
    tcase_add_test(cases, test_http__cancel);
    tcase_add_test(cases, test_http__start_and_cancel_from_a_callback);
    tcase_add_test(cases, test_http__free_ends_what_is_under_way);
    tcase_add_test(cases, test_http__extra_descriptors_wake);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
