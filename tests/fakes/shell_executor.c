/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for sandbox-executor in the runtimes' tests: static, listens where it is told, and runs the body of
 * POST /user as a shell script under the first slot's ids, POST /root under its own. GET /health says "ok"; POST /exit ends with code 7;
 * POST /log writes its body on standard error. */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/connect.h"

enum { REQUEST_MAX = 16384 };

static unsigned number(const char *name)
{
    const char *value = getenv(name);
    return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static int listen_there(void)
{
    const char *where = getenv("SANDBOX_LISTEN");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!where || strncmp(where, "unix:", 5) != 0)
        return -1;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", where + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0)
        return -1;
    return fd;
}

/* The request's text up to the end of its body; the length of the head, or 0. */
static size_t read_request(int fd, char *text, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, text + len, size - 1 - len);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(text, "\r\nContent-Length:");
        size_t head = (size_t)(end + 4 - text), body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (len >= head + body)
            return head;
    }
}

static void run_script(int fd, const char *script, int as_user)
{
    const char *workspace = getenv("SANDBOX_WORKSPACE");
    gid_t gid = number("SANDBOX_GID");
    uid_t uid = number("SANDBOX_UID");
    dup2(fd, 1);
    dup2(fd, 2);
    if (as_user && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(125);
    if (workspace && chdir(workspace) != 0)
        _exit(124);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
}

static void serve(int fd)
{
    static char request[REQUEST_MAX];
    size_t head = read_request(fd, request, sizeof(request));
    int user = strncmp(request, "POST /user", 10) == 0, root = strncmp(request, "POST /root", 10) == 0;
    if (head == 0)
        return;
    dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n");
    if (strncmp(request, "POST /exit", 10) == 0)
        exit(7);
    if (strncmp(request, "POST /log", 9) == 0) {
        dprintf(2, "%s", request + head);
        return;
    }
    if (!user && !root) {
        dprintf(fd, "ok");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        run_script(fd, request + head, user);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--connect") == 0)
        return connect_run(getenv("SANDBOX_LISTEN"));
    int listener = listen_there();
    signal(SIGPIPE, SIG_IGN);
    if (listener < 0) {
        perror("shell_executor");
        return 1;
    }
    fprintf(stderr, "shell_executor listens\n");
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve(fd);
        close(fd);
    }
}
