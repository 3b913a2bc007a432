/* SPDX-License-Identifier: Apache-2.0 */
/* What may not get through a relay, nor get at it: bytes that make no sense, other users, the sandbox's own code. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/integration/relay_stage.h"

static const struct relay_stage *stage;

static void assert_says(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "\"%s\" is not in:\n%s", wanted, text);
}

static void assert_silent_about(const char *text, const char *unwanted)
{
    ck_assert_msg(strstr(text, unwanted) == NULL, "\"%s\" is in:\n%s", unwanted, text);
}

START_TEST(test_relay__garbage)
{
    static char long_head[10000];
    static const char *const bad[] = {
        "GARBAGE\r\n\r\n", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: executor\r\n\r\n", "GET / HTTP/1.1\r\nHost: 0123456789ab\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: executor-0123456789AB\r\n\r\n", "GET / HTTP/1.1\r\nHost: executor-0123456789ab/..\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: executor-0123456789ab\r\nHost: executor-0123456789ab\r\n\r\n", "GET / HTTP/1.1\r\nHost: executor-0123456789ab\r\n more\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: executor-0123456789ab\r\n\r\n", long_head,
    };
    char text[1024];
    memset(long_head, 'x', sizeof(long_head) - 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cleanup_fd int fd = relay_stage_send(stage, bad[i], strlen(bad[i]));
        shutdown(fd, SHUT_WR);
        ck_assert_int_gt(relay_stage_receive(fd, text, sizeof(text)), 0);
        ck_assert_msg(strncmp(text, "HTTP/1.1 400 ", 13) == 0, "%zu: %s", i, text);
    }
    cleanup_fd int nothing = relay_stage_send(stage, "", 0), half = relay_stage_send(stage, "GET / HTTP", 10);
    ck_assert_int_ge(nothing, 0); /* it may stay as it is */
    shutdown(half, SHUT_WR);
    ck_assert_int_eq(relay_stage_receive(half, text, sizeof(text)), 0);
}
END_TEST

/* Neither a way in, nor a word of the secret. */
START_TEST(test_relay__user_code_finds_no_way)
{
    static const char *const unwanted[] = { "LISTED", "ENVIRON", "CONNECTED", RELAY_STAGE_SECRET, "WRITTEN", "HTTP/1.1" };
    const char *said = relay_stage_shell(
        stage, "ls /run/sandbox && echo LISTED; cat /proc/1/environ && echo ENVIRON;"
                "{ printf 'GET /health HTTP/1.1\\r\\n\\r\\n'; sleep 1; } | SANDBOX_LISTEN=unix:/run/sandbox/executor.sock /.sandbox/executor --connect && echo CONNECTED;"
                "/.sandbox/executor --connect < /dev/null && echo CONNECTED; env; grep -al SANDBOX_SECRET /proc/*/environ && echo ENVIRON;"
                "touch /.sandbox/executor /.sandbox/more && echo WRITTEN; rm -f /.sandbox/executor && echo WRITTEN; id; ls -ld /run/sandbox; grep sandbox /proc/mounts");
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        assert_silent_about(said, unwanted[i]);
    assert_says(said, "cannot be reached");
    assert_says(said, "drwx------ 2 root root");
    assert_says(said, "uid=1000");
}
END_TEST

static void read_all(const char *path, char *out, size_t size)
{
    cleanup_fd int fd = open(path, O_RDONLY);
    ssize_t got = fd >= 0 ? read(fd, out, size - 1) : -1;
    ck_assert_msg(got >= 0, "%s", path);
    for (ssize_t i = 0; i < got; i++)
        out[i] = out[i] ? out[i] : '\n';
    out[got] = '\0';
}

/* Not even root sees it in the executor's environment, nor in that of a way in. */
START_TEST(test_relay__secret_is_overwritten)
{
    char command[256], text[16384], path[64];
    snprintf(command, sizeof(command), "docker -H unix://%s/docker.sock inspect -f '{{.State.Pid}}' sandbox-%s", stage->engine, stage->id[0]);
    FILE *pipe = popen(command, "re");
    int pid = 0;
    ck_assert(pipe && fscanf(pipe, "%d", &pid) == 1);
    pclose(pipe);
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    read_all(path, text, sizeof(text));
    assert_says(text, "SANDBOX_LISTEN");
    assert_silent_about(text, RELAY_STAGE_SECRET);
    char request[256];
    snprintf(request, sizeof(request), "GET /health HTTP/1.1\r\nHost: executor-%s\r\nAuthorization: Bearer " RELAY_STAGE_SECRET "\r\n\r\n", stage->id[0]);
    cleanup_fd int way = relay_stage_send(stage, request, strlen(request));
    struct pollfd answered = { .fd = way, .events = POLLIN };
    ck_assert_int_eq(poll(&answered, 1, 10000), 1);
    snprintf(command, sizeof(command), "cat /proc/$(pgrep -f -n '^/.sandbox/executor --connect')/environ | tr '\\0' '\\n'");
    pipe = popen(command, "re");
    text[fread(text, 1, sizeof(text) - 1, pipe)] = '\0';
    pclose(pipe);
    assert_says(text, "SANDBOX_LISTEN");
    assert_silent_about(text, "SECRET");
}
END_TEST

START_TEST(test_relay__socket_is_for_root)
{
    char path[128];
    struct stat st;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(path, sizeof(path), "%s/relay/relay.sock", stage->directory);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    char directory[128];
    snprintf(directory, sizeof(directory), "%s/relay", stage->directory);
    ck_assert_int_eq(stat(directory, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        _exit(setgid(65534) != 0 || setuid(65534) != 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    }
    int status;
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* A container full of processes takes no further one: the way in is busy, nobody is dead, and what runs goes on. */
START_TEST(test_relay__fork_bomb)
{
    const char *said = relay_stage_shell(stage, "i=0; while [ $i -lt 200 ]; do sleep 2 & i=$((i+1)); done 2>/dev/null; echo through; wait");
    (void)said;
    assert_says(relay_stage_shell(stage, "echo again"), "again");
}
END_TEST

void relay_add_attacks(TCase *cases, const struct relay_stage *on)
{
    stage = on;
    tcase_add_test(cases, test_relay__garbage);
    tcase_add_test(cases, test_relay__user_code_finds_no_way);
    tcase_add_test(cases, test_relay__secret_is_overwritten);
    tcase_add_test(cases, test_relay__socket_is_for_root);
    tcase_add_test(cases, test_relay__fork_bomb);
}
