/* SPDX-License-Identifier: Apache-2.0 */
/* Stage of the runtimes' integration tests. */
#include "config.h"

#include "tests/integration/runtime_stage.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/io/http.h"
#include "lib/runtime/docker_target.h"
#include "lib/runtime/process.h"
#include "lib/runtime/relay.h"
#include "lib/runtime/tree.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { START_LIMIT_MS = 20000, ANSWER_MAX = 1024 * 1024 };

const char *stage_kind;

static void fill(struct stage *stage, const char *kind)
{
    const char *executor = getenv("SANDBOX_TEST_EXECUTOR");
    memset(stage, 0, sizeof(*stage));
    strcpy(stage->directory, "/var/tmp/test-runtime-XXXXXX");
    strcpy(stage->marker, "marker-");
    id_random(stage->marker + 7, 16);
    for (int i = 0; i < 3; i++)
        id_hex(stage->ids[i], CONTAINER_ID_HEX);
    if (!realpath(executor ? executor : "tests/fakes/shell_executor", stage->executor))
        strcpy(stage->executor, "tests/fakes/shell_executor");
    stage->settings = (struct runtime_settings){
        .kind = (char *)kind, .directory = stage->directory, .executor = stage->executor,
        .docker_socket = "/var/run/docker.sock", .process_isolation = "required", .bwrap = "/usr/bin/bwrap",
        .uid_base = 1879048192,
        .docker_host = getenv(STAGE_DOCKER_HOST), .docker_tls = getenv(STAGE_DOCKER_TLS),
    };
}

static void run_relay(const struct stage *stage)
{
    struct err err = ERR_INIT;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct relay *relay = relay_new(&stage->settings, NULL, NULL, &err);
    while (relay && relay_step(relay, -1, &err) == 0)
        continue;
    _exit(1);
}

static void start_relay(struct stage *stage)
{
    if (!docker_target_remote(&stage->settings))
        return;
    stage->relay = fork();
    if (stage->relay == 0)
        run_relay(stage);
}

void stage_open(struct stage *stage, const char *kind)
{
    struct err err = ERR_INIT;
    fill(stage, kind);
    ck_assert_ptr_nonnull(mkdtemp(stage->directory));
    ck_assert_int_eq(chmod(stage->directory, 0711), 0);
    stage->runtime = runtime_open(&stage->settings, &err);
    ck_assert_msg(stage->runtime != NULL, "%s: %s", err.text, err.detail);
    start_relay(stage);
}

void stage_close(struct stage *stage)
{
    struct err err = ERR_INIT;
    cleanup_free struct runtime_status *rows = NULL;
    size_t count = 0;
    ck_assert_int_eq(runtime_list(stage->runtime, &rows, &count, &err), 0);
    for (size_t i = 0; i < count; i++)
        stage_destroy(stage, rows[i].container_id);
    runtime_free(stage->runtime);
    if (stage->relay > 0 && kill(stage->relay, SIGKILL) == 0)
        waitpid(stage->relay, NULL, 0);
    ck_assert_int_eq(tree_remove(AT_FDCWD, stage->directory, &err), 0);
}

const char *stage_missing(const char *kind)
{
    static struct err err;
    static struct stage stage;
    struct runtime_info info;
    struct err ignored = ERR_INIT;
    err = ERR_INIT;
    fill(&stage, kind);
    if (geteuid() != 0)
        return "needs root";
    if (!mkdtemp(stage.directory))
        return "no temporary directory";
    chmod(stage.directory, 0711);
    struct runtime *runtime = runtime_open(&stage.settings, &err);
    int status = runtime ? runtime_info(runtime, &info, &err) : -1;
    runtime_free(runtime);
    if (tree_remove(AT_FDCWD, stage.directory, &ignored) != 0)
        return "its directory stays";
    return status == 0 ? NULL : err.text;
}

struct runtime_spec stage_spec(const struct stage *stage, const char *id)
{
    return (struct runtime_spec){
        .container_id = id, .secret = STAGE_SECRET, .image = STAGE_IMAGE, .oci_runtime = "", .read_only_root = true,
        .languages = stage->marker, .resources = { 1000, 256, 1024, 32 },
    };
}

/* The status, or minus the error's code. */
static int ask(struct stage *stage, const char *id, const char *method, const char *path, const char *body,
               struct strbuf *out)
{
    struct runtime_endpoint endpoint;
    struct err err = ERR_INIT;
    char url[256];
    int status = 0;
    runtime_endpoint(&stage->settings, id, &endpoint);
    snprintf(url, sizeof(url), "%s/%s", endpoint.url, path);
    struct http *http = http_new(&err);
    struct http_request request = {
        .method = method, .unix_path = endpoint.unix_path, .url = url, .body = body,
        .body_len = body ? strlen(body) : 0, .timeout_ms = 60000,
    };
    int failed = http_fetch(http, &request, &status, out, &err);
    http_free(http);
    return failed == 0 ? status : -(int)err.code;
}

int64_t stage_await(struct stage *stage, const char *id)
{
    cleanup_strbuf struct strbuf out = STRBUF_INIT(ANSWER_MAX);
    int64_t start = clock_mono_us(), end = clock_mono_ms() + START_LIMIT_MS;
    while (ask(stage, id, "GET", "health", NULL, &out) != 200) {
        ck_assert_msg(clock_mono_ms() < end, "the executor does not answer");
        poll(NULL, 0, 1);
    }
    return clock_mono_us() - start;
}

void stage_create(struct stage *stage, const char *id)
{
    struct err err = ERR_INIT;
    struct runtime_spec spec = stage_spec(stage, id);
    int status = runtime_create(stage->runtime, &spec, &err);
    ck_assert_msg(status == 0, "%s: %s", err.text, err.detail);
    stage_await(stage, id);
}

const char *stage_run(struct stage *stage, const char *id, const char *who, const char *script)
{
    static char text[65536];
    cleanup_strbuf struct strbuf out = STRBUF_INIT(ANSWER_MAX);
    ck_assert_int_eq(ask(stage, id, "POST", who, script, &out), 200);
    snprintf(text, sizeof(text), "%s", strbuf_str(&out));
    return text;
}

enum runtime_state stage_state(struct stage *stage, const char *id)
{
    struct runtime_status status;
    struct err err = ERR_INIT;
    int failed = runtime_inspect(stage->runtime, id, &status, &err);
    ck_assert_msg(failed == 0, "%s: %s", err.text, err.detail);
    ck_assert_str_eq(status.container_id, id);
    return status.state;
}

bool stage_listed(struct stage *stage, const char *id)
{
    cleanup_free struct runtime_status *rows = NULL;
    struct err err = ERR_INIT;
    size_t count = 0;
    bool found = false;
    int failed = runtime_list(stage->runtime, &rows, &count, &err);
    ck_assert_msg(failed == 0, "%s: %s", err.text, err.detail);
    for (size_t i = 0; i < count; i++)
        found = found || strcmp(rows[i].container_id, id) == 0;
    return found;
}

void stage_destroy(struct stage *stage, const char *id)
{
    struct err err = ERR_INIT;
    int failed = runtime_destroy(stage->runtime, id, &err);
    ck_assert_msg(failed == 0, "%s: %s", err.text, err.detail);
}

int stage_processes(const struct stage *stage)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300];
        static char environment[65536];
        snprintf(path, sizeof(path), "/proc/%s/environ", entry->d_name);
        cleanup_fd int fd = isdigit((unsigned char)entry->d_name[0]) ? open(path, O_RDONLY) : -1;
        ssize_t got = fd >= 0 ? read(fd, environment, sizeof(environment)) : -1;
        if (got > 0 && memmem(environment, (size_t)got, stage->marker, strlen(stage->marker)))
            count++;
    }
    closedir(proc);
    return count;
}

static void assert_no_match(const char *pattern)
{
    glob_t found = { 0 };
    int status = glob(pattern, 0, NULL, &found);
    ck_assert_msg(status == GLOB_NOMATCH, "%s is left", status == 0 ? found.gl_pathv[0] : pattern);
    globfree(&found);
}

static void assert_no_range(const struct stage *stage, const char *below)
{
    char prefix[128];
    glob_t found = { 0 };
    snprintf(prefix, sizeof(prefix), "%s/%s", stage->directory, below);
    if (glob(PROCESS_REGISTRY "/*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char owner[256] = "";
            ssize_t len = readlink(found.gl_pathv[i], owner, sizeof(owner) - 1);
            /* a link to what is gone is free for the next container */
            ck_assert_msg(len < 0 || access(owner, F_OK) != 0 || strncmp(owner, prefix, strlen(prefix)) != 0,
                          "%s is left", found.gl_pathv[i]);
        }
    globfree(&found);
}

void stage_assert_nothing_left(struct stage *stage)
{
    char pattern[256];
    snprintf(pattern, sizeof(pattern), "%s/[0-9a-f]*", stage->directory);
    assert_no_match(pattern);
    for (int i = 0; i < 3; i++) {
        snprintf(pattern, sizeof(pattern), "/sys/fs/cgroup/*/sandbox/*%s", stage->ids[i]);
        assert_no_match(pattern);
        snprintf(pattern, sizeof(pattern), "/sys/fs/cgroup/sandbox/*%s", stage->ids[i]);
        assert_no_match(pattern);
    }
    for (int i = 0; i < 3; i++)
        assert_no_range(stage, stage->ids[i]);
    ck_assert_int_eq(stage_processes(stage), 0);
}

void stage_assert_no_probe(struct stage *stage)
{
    char pattern[128];
    struct err err = ERR_INIT;
    struct runtime *again = runtime_open(&stage->settings, &err);
    ck_assert_msg(again != NULL, "%s", err.text);
    runtime_free(again);
    snprintf(pattern, sizeof(pattern), "%s/.probe/*", stage->directory);
    assert_no_match(pattern);
    assert_no_range(stage, ".probe");
}

int stage_main(const char *kind, Suite *(*suite)(void))
{
    const char *missing = stage_missing(kind);
    if (missing) {
        printf("%s\n", missing);
        return 77;
    }
    stage_kind = kind;
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
