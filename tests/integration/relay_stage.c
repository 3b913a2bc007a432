/* SPDX-License-Identifier: Apache-2.0 */
/* Stage of tests about engines on other hosts. */
#include "config.h"

#include "tests/integration/relay_stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/runtime/relay.h"
#include "lib/runtime/tree.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { START_MS = 20000 };

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    return ntohs(address.sin_port);
}

int relay_stage_engine(const struct relay_stage *stage, const char *command)
{
    char line[512];
    const char *top = getenv("top_srcdir");
    snprintf(line, sizeof(line), "sh %s/tests/tls-engine.sh %s %s %d", top ? top : "..", command, stage->engine, stage->port);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

struct runtime_settings relay_stage_settings(const struct relay_stage *stage, const char *certificates, char tls[96])
{
    struct runtime_settings settings = stage->settings;
    snprintf(tls, 96, "%s/%s", stage->engine, certificates);
    settings.docker_tls = tls;
    return settings;
}

static void say(void *arg, const char *id, const struct err *err)
{
    (void)arg;
    printf("relay: %s %s %s\n", id, err->text, err->detail);
    fflush(stdout);
}

static void run_relay(const struct relay_stage *stage)
{
    struct err err = ERR_INIT;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct relay *relay = relay_new(&stage->settings, say, NULL, &err);
    while (relay && relay_step(relay, -1, &err) == 0)
        continue;
    printf("relay: %s %s\n", err.text, err.detail);
    _exit(1);
}

void relay_stage_aim(const struct relay_stage *stage, const char *id, struct runtime_endpoint *endpoint, struct exec_target *target)
{
    runtime_endpoint(&stage->settings, id, endpoint);
    *target = (struct exec_target){ .unix_path = endpoint->unix_path, .url = endpoint->url, .secret = RELAY_STAGE_SECRET };
}

static int create(struct relay_stage *stage, struct runtime *runtime, const char *id, struct err *err)
{
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct wire_health health;
    const struct runtime_spec spec = {
        .container_id = id, .secret = RELAY_STAGE_SECRET, .image = "sandbox/shell:test", .oci_runtime = "", .languages = "",
        .read_only_root = true, .resources = { 1000, 256, 1024, 64 },
    };
    relay_stage_aim(stage, id, &endpoint, &target);
    struct http *http = http_new(err);
    int status = runtime_create(runtime, &spec, err);
    if (status == 0)
        status = execclient_health(http, &target, clock_mono_ms() + START_MS, &health, err);
    http_free(http);
    return status;
}

static void fill(struct relay_stage *stage)
{
    const char *build = getenv("SANDBOX_BUILD");
    *stage = (struct relay_stage){ .engine = "/var/tmp/te-XXXXXX", .directory = "/var/tmp/test-relay-XXXXXX" };
    stage->port = free_port();
    snprintf(stage->host, sizeof(stage->host), "tcp://127.0.0.1:%d", stage->port);
    snprintf(stage->executor, sizeof(stage->executor), "%s/executor/sandbox-executor", build ? build : ".");
    stage->settings = (struct runtime_settings){
        .kind = "docker", .directory = stage->directory, .executor = stage->executor, .docker_socket = "/nonexistent/docker.sock",
        .docker_host = stage->host, .docker_tls = stage->tls, .process_isolation = "required", .bwrap = "/usr/bin/bwrap",
        .uid_base = 1879048192,
    };
}

int relay_stage_open(struct relay_stage *stage)
{
    struct err err = ERR_INIT;
    fill(stage);
    if (geteuid() != 0 || !mkdtemp(stage->engine) || !mkdtemp(stage->directory)) {
        printf("needs root\n");
        return 77;
    }
    snprintf(stage->tls, sizeof(stage->tls), "%s/client", stage->engine);
    int status = relay_stage_engine(stage, "start");
    if (status != 0)
        return status;
    fflush(stdout);
    stage->relay = fork();
    if (stage->relay == 0)
        run_relay(stage);
    struct runtime *runtime = runtime_open(&stage->settings, &err);
    for (int i = 0; i < 2 && status == 0; i++) {
        id_hex(stage->id[i], CONTAINER_ID_HEX);
        status = runtime ? create(stage, runtime, stage->id[i], &err) : -1;
    }
    runtime_free(runtime);
    if (status != 0)
        printf("%s %s\n", err.text, err.detail);
    return status == 0 ? 0 : 1;
}

void relay_stage_close(struct relay_stage *stage)
{
    struct err ignored = ERR_INIT;
    if (stage->relay > 0 && kill(stage->relay, SIGKILL) == 0)
        waitpid(stage->relay, NULL, 0);
    (void)relay_stage_engine(stage, "stop");
    (void)!tree_remove(AT_FDCWD, stage->directory, &ignored);
}

struct said {
    bool done;
    char text[65536];
    size_t len;
};

static void add(struct said *said, const struct exec_output *output)
{
    int len = snprintf(said->text + said->len, sizeof(said->text) - said->len, "%s", strbuf_str(&output->text));
    said->len += (size_t)len < sizeof(said->text) - said->len ? (size_t)len : 0;
}

static void on_answer(void *arg, struct exec_answer *answer)
{
    struct said *said = arg;
    add(said, &answer->out);
    add(said, &answer->err);
    said->done = true;
}

static void on_lost(void *arg, enum exec_loss loss, const struct err *err)
{
    struct said *said = arg;
    ck_abort_msg("lost (%d): %s %s", loss, err->text, err->detail);
    said->done = true;
}

const char *relay_stage_shell(const struct relay_stage *stage, const char *code)
{
    static const struct exec_handlers handlers = { .on_answer = on_answer, .on_lost = on_lost };
    static struct said said;
    struct runtime_endpoint endpoint;
    struct exec_target target;
    struct err err = ERR_INIT;
    struct exec_run *run;
    char id[23];
    memset(&said, 0, sizeof(said));
    id_random(id, 22);
    relay_stage_aim(stage, stage->id[0], &endpoint, &target);
    const struct wire_execute request = { .execution_id = id, .code = (char *)code, .language = LANGUAGE_SHELL, .timeout_ms = 20000 };
    struct http *http = http_new(&err);
    ck_assert_int_eq(execclient_start(http, &target, &request, &handlers, &said, &run, &err), 0);
    while (!said.done)
        ck_assert_int_eq(http_run(http, NULL, 0, 1000, &err), 0);
    http_free(http);
    return said.text;
}

int relay_stage_send(const struct relay_stage *stage, const char *bytes, size_t len)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/relay/relay.sock", stage->directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    return fd;
}

ssize_t relay_stage_receive(int fd, char *out, size_t size)
{
    size_t len = 0;
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    for (int64_t end = clock_mono_ms() + 10000; len < size - 1;) {
        int64_t left = end - clock_mono_ms();
        ck_assert_msg(left > 0 && poll(&wait, 1, (int)left) > 0, "nothing comes");
        ssize_t got = read(fd, out + len, size - 1 - len);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    out[len] = '\0';
    return (ssize_t)len;
}
