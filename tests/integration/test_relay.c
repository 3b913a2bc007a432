/* SPDX-License-Identifier: Apache-2.0 */
/* Containers on an engine at the end of a TLS connection, and their executors through the relay. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/io/digest.h"
#include "lib/util/clock.h"
#include "tests/integration/relay_stage.h"

static struct relay_stage stage;

static void assert_says(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "\"%s\" is not in:\n%s", wanted, text);
}

static void assert_silent_about(const char *text, const char *unwanted)
{
    ck_assert_msg(strstr(text, unwanted) == NULL, "\"%s\" is in:\n%s", unwanted, text);
}

static int ask_engine(const struct runtime_settings *settings, struct err *err)
{
    struct runtime_info info;
    struct runtime *runtime = runtime_open(settings, err);
    ck_assert_msg(runtime != NULL, "%s", err->text);
    int status = runtime_info(runtime, &info, err);
    runtime_free(runtime);
    return status;
}

START_TEST(test_relay__certificates)
{
    static const struct {
        const char *certificates, *says;
    } rows[] = {
        { "stranger", "does not accept our certificate" },
        { "wrong-ca", "not signed by our CA" },
        { "missing", "cannot be read" },
        { "no-key", "cert.pem, key.pem" },
    };
    char tls[96], path[128], link[160];
    struct err err = ERR_INIT;
    ck_assert_int_eq(ask_engine(&stage.settings, &err), 0);
    snprintf(path, sizeof(path), "%s/no-key", stage.engine);
    ck_assert(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/client/ca.pem", stage.engine);
    snprintf(link, sizeof(link), "%s/no-key/ca.pem", stage.engine);
    ck_assert_int_eq(symlink(path, link), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct runtime_settings settings = relay_stage_settings(&stage, rows[i].certificates, tls);
        err = ERR_INIT;
        ck_assert_int_eq(ask_engine(&settings, &err), -1);
        ck_assert_msg(err.code == ERR_UNAVAILABLE && strstr(err.text, rows[i].says), "%s: %s %s", rows[i].certificates, err.text,
                      err.detail);
    }
    /* another name than the certificate's */
    char host[64];
    struct runtime_settings settings = stage.settings;
    snprintf(host, sizeof(host), "tcp://localhost:%d", stage.port);
    settings.docker_host = host;
    ck_assert_int_eq(ask_engine(&settings, &err), -1);
    assert_says(err.text, "for another name");
}
END_TEST

START_TEST(test_relay__engine_lists_and_tells)
{
    struct err err = ERR_INIT;
    struct runtime_status status, *rows = NULL;
    struct runtime_usage usage;
    size_t count = 0;
    cleanup_strbuf struct strbuf log = STRBUF_INIT(RUNTIME_LOGS_MAX);
    struct runtime *runtime = runtime_open(&stage.settings, &err);
    ck_assert_int_eq(runtime_inspect(runtime, stage.id[0], &status, &err), 0);
    ck_assert_int_eq(status.state, RUNTIME_RUNNING);
    ck_assert_int_eq(runtime_list(runtime, &rows, &count, &err), 0);
    ck_assert_uint_eq(count, 2); /* and not what filled the volume */
    free(rows);
    ck_assert_int_eq(runtime_logs(runtime, stage.id[0], 100, 0, &log, &err), 0);
    assert_says(strbuf_str(&log), "HTTP server listening");
    ck_assert_int_eq(runtime_usage(runtime, stage.id[0], &usage, &err), 0);
    ck_assert(usage.measured);
    runtime_free(runtime);
}
END_TEST

static int put(const struct exec_files *files, const char *path, const char *data, size_t len, bool final, int64_t offset, struct err *err)
{
    struct wire_stored stored;
    const struct exec_piece piece = { .path = path, .transfer = path, .offset = offset, .data = data, .len = len, .final = final, .mode = 0644 };
    return execclient_put(files, &piece, &stored, err);
}

/* One pool of connections, two containers in turn: what is written into one is never found in the other. */
START_TEST(test_relay__containers_share_no_connection)
{
    struct runtime_endpoint endpoint[2];
    struct exec_target target[2];
    struct err err = ERR_INIT;
    struct http *http = http_new(&err);
    for (int i = 0; i < 2; i++)
        relay_stage_aim(&stage, stage.id[i], &endpoint[i], &target[i]);
    ck_assert_str_eq(endpoint[0].unix_path, endpoint[1].unix_path);
    for (int i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof(path), "only-%d-%d", i % 2, i);
        const struct exec_files files = { .http = http, .target = &target[i % 2], .stop = -1 };
        int status = put(&files, path, "x", 1, true, 0, &err);
        ck_assert_msg(status == 0, "%s %s", err.text, err.detail);
    }
    http_free(http);
    const char *said = relay_stage_shell(&stage, "ls");
    assert_says(said, "only-0-18");
    assert_silent_about(said, "only-1");
}
END_TEST

enum { BIG = 50 * 1024 * 1024, PIECE = 4 * 1024 * 1024 };

static void fill(char *data, size_t len, size_t seed)
{
    uint32_t state = (uint32_t)seed * 2654435761U + 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = (char)(state >> 24);
    }
}

START_TEST(test_relay__large_files)
{
    static char data[PIECE];
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct err err = ERR_INIT;
    struct http *http = http_new(&err);
    struct wire_stored stored = { 0 };
    relay_stage_aim(&stage, stage.id[1], &endpoint, &target);
    const struct exec_files files = { .http = http, .target = &target, .stop = -1 };
    for (int64_t at = 0; at < BIG; at += PIECE) {
        size_t len = BIG - at < PIECE ? (size_t)(BIG - at) : PIECE;
        fill(data, len, (size_t)at);
        const struct exec_piece piece = { .path = "big", .transfer = "big", .offset = at, .data = data, .len = len,
                                          .final = at + PIECE >= BIG, .mode = 0644 };
        int status = execclient_put(&files, &piece, &stored, &err);
        ck_assert_msg(status == 0, "%s %s", err.text, err.detail);
    }
    for (int64_t at = 0; at < BIG; at += PIECE) {
        size_t len = BIG - at < PIECE ? (size_t)(BIG - at) : PIECE;
        cleanup_strbuf struct strbuf got = STRBUF_INIT(PIECE);
        int status = execclient_get(&files, "big", stored.version, at, len, &got, &err);
        ck_assert_msg(status == 0, "%s %s", err.text, err.detail);
        fill(data, len, (size_t)at);
        ck_assert(got.len == len && memcmp(got.data, data, len) == 0);
    }
    http_free(http);
}
END_TEST

static long memory_kb(pid_t pid)
{
    char path[64], text[4096] = "";
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    cleanup_fd int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    const char *line = got > 0 ? strstr(text, "VmRSS:") : NULL;
    return line ? strtol(line + 6, NULL, 10) : 0;
}

/* Who does not read holds nobody else up, and costs no memory. */
#ifdef __SANITIZE_ADDRESS__
enum { MEMORY_KB = 65536 }; /* what is freed stays for a while */
#else
enum { MEMORY_KB = 4096 };
#endif

START_TEST(test_relay__slow_client)
{
    static char text[8 * 1024 * 1024];
    char request[512];
    long before = memory_kb(stage.relay);
    relay_stage_shell(&stage, "head -c 4000000 /dev/zero > slow");
    snprintf(request, sizeof(request), "GET /files/slow HTTP/1.1\r\nHost: executor-%s\r\nAuthorization: Bearer " RELAY_STAGE_SECRET
             "\r\nConnection: close\r\n\r\n", stage.id[0]);
    int slow[8];
    for (int i = 0; i < 8; i++)
        slow[i] = relay_stage_send(&stage, request, strlen(request));
    struct pollfd begun = { .fd = slow[7], .events = POLLIN };
    ck_assert_int_eq(poll(&begun, 1, 10000), 1);
    int64_t start = clock_mono_ms();
    assert_says(relay_stage_shell(&stage, "echo others go on"), "others go on");
    ck_assert_int_lt(clock_mono_ms() - start, 5000);
    ck_assert_int_lt(memory_kb(stage.relay) - before, MEMORY_KB);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_gt(relay_stage_receive(slow[i], text, sizeof(text)), 4000000);
        close(slow[i]);
    }
}
END_TEST

struct many {
    int good, ended;
};

static void on_health(void *arg, int status, const struct err *err)
{
    struct many *many = arg;
    many->ended++;
    many->good += status == 200;
    if (status != 200)
        printf("%d %s %s\n", status, err ? err->text : "", err ? err->detail : "");
}

START_TEST(test_relay__fifty_at_once)
{
    enum { CALLS = 50 };
    struct many many = { 0 };
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct err err = ERR_INIT;
    struct http *http = http_new(&err);
    for (int i = 0; i < CALLS; i++) {
        char url[160];
        relay_stage_aim(&stage, stage.id[i % 2], &endpoint, &target);
        snprintf(url, sizeof(url), "%s/health", target.url);
        const struct http_request request = { .method = "GET", .unix_path = target.unix_path, .url = url, .bearer = target.secret,
                                              .timeout_ms = 30000, .on_done = on_health, .arg = &many };
        ck_assert_int_eq(http_start(http, &request, NULL, &err), 0);
    }
    while (many.ended < CALLS)
        ck_assert_int_eq(http_run(http, NULL, 0, 1000, &err), 0);
    ck_assert_int_eq(many.good, CALLS);
    http_free(http);
}
END_TEST

/* As its executor would be: no answer, and provisiond looks at it. */
START_TEST(test_relay__container_that_is_not_there)
{
    char text[1024];
    static const char request[] = "GET /health HTTP/1.1\r\nHost: executor-0123456789ab\r\n\r\n";
    cleanup_fd int fd = relay_stage_send(&stage, request, sizeof(request) - 1);
    ck_assert_int_le(relay_stage_receive(fd, text, sizeof(text)), 0);
}
END_TEST

static const char half_request[] = "GET /health HTTP/1.1\r\nHost: executor-%s\r\nAuthorization: Bearer " RELAY_STAGE_SECRET "\r\nConnection: close\r\n\r\n";

START_TEST(test_relay__client_that_only_listens)
{
    char text[1024], request[256];
    snprintf(request, sizeof(request), half_request, stage.id[0]);
    cleanup_fd int fd = relay_stage_send(&stage, request, strlen(request));
    shutdown(fd, SHUT_WR);
    ck_assert_int_gt(relay_stage_receive(fd, text, sizeof(text)), 0);
    ck_assert_msg(strncmp(text, "HTTP/1.1 200 ", 13) == 0, "%s", text);
}
END_TEST

struct loss {
    bool done, answered;
    enum exec_loss loss;
};

static void on_answer(void *arg, struct exec_answer *answer)
{
    (void)answer;
    struct loss *loss = arg;
    loss->done = loss->answered = true;
}

static void on_lost(void *arg, enum exec_loss why, const struct err *err)
{
    (void)err;
    struct loss *loss = arg;
    loss->done = true;
    loss->loss = why;
}

static void run_until_lost(struct loss *loss, bool kill_engine)
{
    static const struct exec_handlers handlers = { .on_answer = on_answer, .on_lost = on_lost };
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct err err = ERR_INIT;
    struct exec_run *run;
    const struct wire_execute request = { .execution_id = kill_engine ? "killed0000000000000001" : "killed0000000000000002",
                                          .code = "sleep 30", .language = LANGUAGE_SHELL, .timeout_ms = 60000 };
    relay_stage_aim(&stage, stage.id[0], &endpoint, &target);
    struct http *http = http_new(&err);
    int64_t begun = clock_mono_ms();
    ck_assert_int_eq(execclient_start(http, &target, &request, &handlers, loss, &run, &err), 0);
    while (!loss->done) {
        ck_assert_int_eq(http_run(http, NULL, 0, 100, &err), 0);
        ck_assert_int_lt(clock_mono_ms() - begun, 10000);
        if (kill_engine && clock_mono_ms() - begun > 700) {
            char command[128];
            snprintf(command, sizeof(command), "kill -9 $(cat %s/docker.pid)", stage.engine);
            ck_assert_int_eq(system(command), 0);
            kill_engine = false;
        }
    }
    http_free(http);
}

START_TEST(test_relay__engine_killed_in_mid_stream)
{
    struct loss stream = { 0 }, later = { 0 };
    run_until_lost(&stream, true);
    ck_assert(!stream.answered);
    ck_assert_int_eq(stream.loss, EXEC_LOSS_BROKEN);
    run_until_lost(&later, false);
    ck_assert_int_eq(later.loss, EXEC_LOSS_BUSY);
    struct err err = ERR_INIT;
    ck_assert_int_eq(ask_engine(&stage.settings, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("relay");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, test_relay__certificates);
    tcase_add_test(cases, test_relay__engine_lists_and_tells);
    tcase_add_test(cases, test_relay__containers_share_no_connection);
    tcase_add_test(cases, test_relay__large_files);
    tcase_add_test(cases, test_relay__slow_client);
    tcase_add_test(cases, test_relay__fifty_at_once);
    tcase_add_test(cases, test_relay__container_that_is_not_there);
    tcase_add_test(cases, test_relay__client_that_only_listens);
    relay_add_own(cases, &stage);
    relay_add_attacks(cases, &stage);
    relay_add_costs(cases, &stage);
    tcase_add_test(cases, test_relay__engine_killed_in_mid_stream); /* the last: it is gone then */
    suite_add_tcase(all, cases);
    return all;
}

int main(void)
{
    int failed = relay_stage_open(&stage);
    if (failed == 0) {
        SRunner *runner = srunner_create(relay_runtime_suite(&stage));
        srunner_add_suite(runner, suite()); /* after the other: it ends with the engine's death */
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner) == 0 ? 0 : 1;
        srunner_free(runner);
    }
    relay_stage_close(&stage);
    return failed;
}
