/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.0 client: the answer ends with the connection. */
#include "tests/integration/executor_client.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "lib/wire/environment.h"

static const char right_secret[] = "0123456789abcdef0123456789abcdef";

static void make_directory(const char *base, const char *name, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof(path), "%s%s", base, name);
    ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void make_room(struct executor *executor)
{
    char path[128];
    snprintf(executor->directory, sizeof(executor->directory), "/tmp/sandbox-executor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(executor->directory));
    make_directory(executor->directory, "", 0755);
    make_directory(executor->directory, "/run", 0700);
    make_directory(executor->directory, "/workspace", 0777);
    make_directory(executor->directory, "/tmp", 01777);
    snprintf(path, sizeof(path), "%s/run/secret", executor->directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0400);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, right_secret, strlen(right_secret)), (ssize_t)strlen(right_secret));
    close(fd);
}

static const char *executor_path(void)
{
    static char path[256];
    const char *build = getenv("SANDBOX_BUILD");
    snprintf(path, sizeof(path), "%s/executor/sandbox-executor", build ? build : ".");
    return path;
}

static void set_env(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void set_env(const char *name, const char *format, ...)
{
    char value[256];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    setenv(name, value, 1);
}

static void become_executor(const struct executor *executor, const char *confine, int memory_mb)
{
    const char *asan = getenv("ASAN_OPTIONS"), *wanted = getenv(EXECUTOR_ENV_LOG_LEVEL);
    const char *spoken = getenv(EXECUTOR_ENV_LANGUAGES), *linger = getenv(EXECUTOR_ENV_LINGER_MS);
    char *languages = strdup(spoken ? spoken : "python,javascript"), *lingering = strdup(linger ? linger : "");
    const char *files = getenv(EXECUTOR_ENV_FILES_MAX), *modules = getenv(EXECUTOR_ENV_PRELOAD);
    char *most = strdup(files ? files : ""), *preload = strdup(modules ? modules : "");
    char *kept = asan ? strdup(asan) : NULL, *path = strdup(executor_path()), *level = strdup(wanted ? wanted : "error");
    clearenv();
    if (kept)
        setenv("ASAN_OPTIONS", kept, 1);
    set_env("PLANTED_SECRET", "planted-in-the-environment");
    set_env(EXECUTOR_ENV_LISTEN, "unix:%s/run/executor.sock", executor->directory);
    set_env(EXECUTOR_ENV_SECRET_FILE, "%s/run/secret", executor->directory);
    set_env(EXECUTOR_ENV_WORKSPACE, "%s/workspace", executor->directory);
    set_env(EXECUTOR_ENV_TMP, "%s/tmp", executor->directory);
    set_env(EXECUTOR_ENV_UID, "%u", executor->uid);
    set_env(EXECUTOR_ENV_GID, "%u", executor->uid);
    set_env(EXECUTOR_ENV_LANGUAGES, "%s", languages);
    set_env(EXECUTOR_ENV_LINGER_MS, "%s", lingering);
    set_env(EXECUTOR_ENV_CONFINE, "%s", confine);
    set_env(EXECUTOR_ENV_NPROC, "%d", EXECUTOR_TEST_NPROC);
    set_env(EXECUTOR_ENV_MEMORY_MB, "%d", memory_mb);
    set_env(EXECUTOR_ENV_LOG_LEVEL, "%s", level);
    set_env(EXECUTOR_ENV_FILES_MAX, "%s", most);
    setenv(EXECUTOR_ENV_PRELOAD, preload, 1);
    execl(path, "sandbox-executor", (char *)NULL);
    _exit(127);
}

static int try_connect(const struct executor *executor)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/executor.sock", executor->directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

void executor_start(struct executor *executor, const char *confine, int memory_mb)
{
    make_room(executor);
    executor->uid = 300000 + (unsigned)getpid() * 2 * EXECUTOR_SLOTS;
    executor->pid = fork();
    ck_assert_int_ge(executor->pid, 0);
    if (executor->pid == 0)
        become_executor(executor, confine, memory_mb);
    int64_t deadline = clock_mono_ms() + 20000;
    int fd;
    while ((fd = try_connect(executor)) < 0) {
        ck_assert_msg(clock_mono_ms() < deadline && waitpid(executor->pid, NULL, WNOHANG) == 0,
                      "%s does not start", executor_path());
        usleep(2000);
    }
    close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

int executor_user_processes(const struct executor *executor)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    ck_assert_ptr_nonnull(proc);
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], text[2048];
        snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        text[got > 0 ? got : 0] = '\0';
        close(fd);
        const char *uid = strstr(text, "\nUid:");
        if (uid && (unsigned)atoi(uid + 5) - executor->uid < EXECUTOR_SLOTS && !strstr(text, "\nState:\tZ"))
            count++;
    }
    closedir(proc);
    return count;
}

void executor_stop(struct executor *executor)
{
    int status;
    ck_assert_int_eq(kill(executor->pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(executor->pid, &status, 0), executor->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the executor ended with status %x", status);
    ck_assert_int_eq(executor_user_processes(executor), 0);
    nftw(executor->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = send(fd, data, len, MSG_NOSIGNAL);
        if (put < 0) /* it may answer and close before it has read all */
            return;
        data += put;
        len -= (size_t)put;
    }
}

int executor_send(const struct executor *executor, const char *method, const char *path, const char *secret,
                  const char *body, size_t len)
{
    struct strbuf head = STRBUF_INIT(4096);
    int fd = try_connect(executor);
    ck_assert_int_ge(fd, 0);
    strbuf_addf(&head, "%s %s HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n", method, path,
                secret ? secret : right_secret, len);
    send_all(fd, head.data, head.len);
    send_all(fd, body, len);
    strbuf_release(&head);
    return fd;
}

void executor_receive(int fd, struct answer *out)
{
    struct strbuf text = STRBUF_INIT(64 * 1024 * 1024);
    static char buffer[65536];
    for (ssize_t got; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;)
        strbuf_add(&text, buffer, (size_t)got);
    close(fd);
    const char *end = text.data ? strstr(text.data, "\r\n\r\n") : NULL;
    ck_assert_msg(end && sscanf(text.data, "HTTP/1.%*d %d", &out->status) == 1, "no HTTP answer");
    strbuf_drop_front(&text, (size_t)(end + 4 - text.data));
    out->body = text;
}

void executor_call(const struct executor *executor, const char *method, const char *path, const char *secret,
                   const char *body, size_t len, struct answer *out)
{
    executor_receive(executor_send(executor, method, path, secret, body, len), out);
}

void answer_release(struct answer *answer)
{
    strbuf_release(&answer->body);
}

static void take_event(const struct wire_event *event, struct outcome *out)
{
    switch (event->type) {
    case WIRE_STARTED:
        out->started = true;
        break;
    case WIRE_STDOUT:
        strbuf_add(&out->out, event->data, event->data_len);
        out->out_skipped += event->skipped;
        break;
    case WIRE_STDERR:
        strbuf_add(&out->err, event->data, event->data_len);
        out->err_skipped += event->skipped;
        break;
    case WIRE_HEARTBEAT:
    case WIRE_RESULT:
        break;
    }
}

void outcome_parse(const char *stream, size_t len, struct outcome *out)
{
    enum { KEPT = 8 * 1024 * 1024 };
    bool last = false;
    *out = (struct outcome){ .out = STRBUF_INIT(KEPT), .err = STRBUF_INIT(KEPT), .stream = STRBUF_INIT(len) };
    strbuf_add(&out->stream, stream, len);
    for (const char *at = stream, *end; at < stream + len; at = end + 1) {
        struct wire_event event;
        struct err err = ERR_INIT;
        end = memchr(at, '\n', (size_t)(stream + len - at));
        ck_assert_msg(end && !last, "a line without end, or lines after the result");
        ck_assert_msg(wire_event_decode(at, (size_t)(end - at), &event, &err) == 0, "%s: %.200s", err.text, at);
        take_event(&event, out);
        last = event.type == WIRE_RESULT;
        if (last) {
            out->result = event.result;
            event.result = (struct wire_result){ 0 };
        }
        wire_event_release(&event);
    }
    ck_assert_msg(last, "no result in: %.500s", stream);
}

int executor_run_start(const struct executor *executor, struct wire_execute *request)
{
    static char id[32];
    struct strbuf body = STRBUF_INIT(WIRE_REQUEST_MAX);
    struct err err = ERR_INIT;
    if (!request->execution_id) {
        id_prefixed(id, "exec_", 16);
        request->execution_id = id;
    }
    if (request->timeout_ms == 0)
        request->timeout_ms = 20000;
    ck_assert_int_eq(wire_execute_encode(request, &body, &err), 0);
    int fd = executor_send(executor, "POST", "/execute", NULL, body.data, body.len);
    strbuf_release(&body);
    return fd;
}

void executor_run_finish(int fd, struct outcome *out)
{
    struct answer answer;
    executor_receive(fd, &answer);
    ck_assert_msg(answer.status == 200, "%d %s", answer.status, strbuf_str(&answer.body));
    outcome_parse(strbuf_str(&answer.body), answer.body.len, out);
    answer_release(&answer);
}

void executor_run(const struct executor *executor, struct wire_execute *request, struct outcome *out)
{
    executor_run_finish(executor_run_start(executor, request), out);
}

void outcome_release(struct outcome *outcome)
{
    strbuf_release(&outcome->out);
    strbuf_release(&outcome->err);
    strbuf_release(&outcome->stream);
    wire_result_release(&outcome->result);
}
