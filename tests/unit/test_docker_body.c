/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to the Docker Engine, and how its answers are read. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/runtime/docker_body.h"
#include "lib/runtime/tar.h"

#define ID "0123456789ab"

static const struct runtime_settings settings = {
    .kind = "docker", .directory = "/var/lib/sb", .executor = "/usr/libexec/sandbox-executor",
    .docker_socket = "/nonexistent/docker.sock", .process_isolation = "required", .bwrap = "/usr/bin/bwrap",
    .uid_base = 1879048192,
};

static struct runtime_spec spec_of(void)
{
    return (struct runtime_spec){
        .container_id = ID, .secret = "the-secret-of-this-container", .image = "sandbox/python:3.11-basic",
        .oci_runtime = "", .languages = "python", .read_only_root = true, .resources = { 1500, 512, 1024, 128 },
    };
}

/* The member at a path of names. */
static struct json_object *at(struct json_object *object, const char *first, const char *second)
{
    struct json_object *value = json_object_object_get(object, first);
    return second ? json_object_object_get(value, second) : value;
}

static const char *text_at(struct json_object *object, const char *first, const char *second)
{
    struct json_object *value = at(object, first, second);
    ck_assert_msg(value != NULL, "%s.%s is missing", first, second ? second : "");
    return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

START_TEST(test_docker_body__hardening)
{
    static const struct {
        const char *name, *value;
    } wanted[] = {
        { "NetworkMode", "\"none\"" },
        { "CapDrop", "[\"ALL\"]" },
        { "CapAdd", "[\"SETUID\",\"SETGID\",\"KILL\"]" },
        { "SecurityOpt", "[\"no-new-privileges\"]" },
        { "Privileged", "false" },
        { "ReadonlyRootfs", "true" },
        { "IpcMode", "\"private\"" },
        { "Init", "false" },
        { "Memory", "536870912" },
        { "MemorySwap", "536870912" },
        { "NanoCpus", "1500000000" },
        { "PidsLimit", "160" },
        { "Tmpfs", "{\"/tmp\":\"rw,exec,nosuid,nodev,size=64m,mode=1777\"}" },
        { "Mounts", "[{\"Type\":\"bind\",\"Source\":\"/usr/libexec/sandbox-executor\",\"Target\":\"/.sandbox/executor\","
                    "\"ReadOnly\":true},{\"Type\":\"bind\",\"Source\":\"/var/lib/sb/" ID "/run\",\"Target\":\"/run/sandbox\","
                    "\"ReadOnly\":false},{\"Type\":\"volume\",\"Target\":\"/workspace\"}]" },
    };
    struct err err = ERR_INIT;
    struct runtime_spec spec = spec_of();
    cleanup_json struct json_object *body = NULL;
    ck_assert_int_eq(docker_create_body(&settings, &spec, NULL, &body, &err), 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        ck_assert_str_eq(text_at(body, "HostConfig", wanted[i].name), wanted[i].value);
    ck_assert_str_eq(text_at(body, "User", NULL), "\"0:0\"");
    ck_assert_str_eq(text_at(body, "Entrypoint", NULL), "[\"/.sandbox/executor\"]");
    ck_assert_str_eq(text_at(body, "Labels", DOCKER_LABEL_INSTALLATION), "\"/var/lib/sb\"");
    ck_assert_str_eq(text_at(body, "Labels", DOCKER_LABEL_CONTAINER), "\"" ID "\"");
    ck_assert_ptr_nonnull(strstr(text_at(body, "Env", NULL), "\"SANDBOX_LISTEN=unix:/run/sandbox/executor.sock\""));
    ck_assert_ptr_null(strstr(text_at(body, "Env", NULL), spec.secret));
    ck_assert_ptr_null(at(body, "HostConfig", "Runtime"));
}
END_TEST

/* On another host nothing of ours is to be had. */
START_TEST(test_docker_body__remote)
{
    struct err err = ERR_INIT;
    struct runtime_spec spec = spec_of();
    cleanup_json struct json_object *body = NULL, *filler = NULL, *connect = NULL;
    static const char volume[] = "{\"Type\":\"volume\",\"Source\":\"sandbox-executor-1\",\"Target\":\"/.sandbox\",\"ReadOnly\":%s,"
                                 "\"VolumeOptions\":{\"NoCopy\":true,\"Labels\":{\"sandbox.executor\":\"sandbox-executor-1\"}}}";
    char mount[256], mounts[512];
    snprintf(mount, sizeof(mount), volume, "true");
    snprintf(mounts, sizeof(mounts), "[%s,{\"Type\":\"volume\",\"Target\":\"/workspace\"}]", mount);
    ck_assert_int_eq(docker_create_body(&settings, &spec, "sandbox-executor-1", &body, &err), 0);
    ck_assert_str_eq(text_at(body, "HostConfig", "Mounts"), mounts);
    ck_assert_ptr_nonnull(strstr(text_at(body, "HostConfig", "Tmpfs"), "\"/run/sandbox\":\"rw,noexec,nosuid,nodev,size=64k,mode=0700,uid=0,gid=0\""));
    ck_assert_str_eq(text_at(body, "HostConfig", "NetworkMode"), "\"none\"");
    ck_assert_str_eq(text_at(body, "HostConfig", "CapDrop"), "[\"ALL\"]");
    ck_assert_ptr_nonnull(strstr(text_at(body, "Env", NULL), "\"SANDBOX_SECRET=the-secret-of-this-container\""));
    ck_assert_ptr_null(strstr(text_at(body, "Env", NULL), "SANDBOX_SECRET_FILE"));
    ck_assert_int_eq(docker_filler_body("image:1", "sandbox-executor-1", &filler, &err), 0);
    snprintf(mount, sizeof(mount), volume, "false");
    snprintf(mounts, sizeof(mounts), "[%s]", mount);
    ck_assert_str_eq(text_at(filler, "HostConfig", "Mounts"), mounts);
    ck_assert_ptr_null(at(at(filler, "Labels", NULL), DOCKER_LABEL_INSTALLATION, NULL));
    ck_assert_int_eq(docker_connect_body(&connect, &err), 0);
    ck_assert_str_eq(text_at(connect, "Cmd", NULL), "[\"/.sandbox/executor\",\"--connect\"]");
    ck_assert_str_eq(text_at(connect, "Env", NULL), "[\"SANDBOX_SECRET\"]");
}
END_TEST

/* As tar(1) reads it. */
START_TEST(test_docker_body__tar)
{
    cleanup_strbuf struct strbuf archive = STRBUF_INIT(65536);
    char text[256] = "";
    tar_add(&archive, "executor", 0755, "content of 700 bytes", 20);
    tar_add(&archive, "complete", 0444, "", 0);
    tar_end(&archive);
    ck_assert(strbuf_ok(&archive));
    ck_assert_uint_eq(archive.len, 5 * 512);
    char path[] = "/tmp/test-tar-XXXXXX", command[128];
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, archive.data, archive.len), (ssize_t)archive.len);
    close(fd);
    snprintf(command, sizeof(command), "tar -tvf %s | cut -c1-10,40- && tar -xOf %s executor", path, path);
    FILE *tar = popen(command, "re");
    text[fread(text, 1, sizeof(text) - 1, tar)] = '\0';
    ck_assert_int_eq(pclose(tar), 0);
    unlink(path);
    ck_assert_msg(strstr(text, "-rwxr-xr-x") && strstr(text, "-r--r--r--") && strstr(text, "content of 700 bytes"), "%s", text);
}
END_TEST

START_TEST(test_docker_body__template_may_ask_for_more)
{
    struct err err = ERR_INIT;
    struct runtime_spec spec = spec_of();
    cleanup_json struct json_object *body = NULL;
    spec.network_enabled = true;
    spec.oci_runtime = "runsc";
    spec.read_only_root = false;
    ck_assert_int_eq(docker_create_body(&settings, &spec, NULL, &body, &err), 0);
    ck_assert_str_eq(text_at(body, "HostConfig", "NetworkMode"), "\"bridge\"");
    ck_assert_str_eq(text_at(body, "HostConfig", "Runtime"), "\"runsc\"");
    ck_assert_str_eq(text_at(body, "HostConfig", "ReadonlyRootfs"), "false");
    ck_assert_ptr_nonnull(strstr(text_at(body, "Env", NULL), "\"SANDBOX_NETWORK=1\""));
}
END_TEST

static struct json_object *parsed(const char *text)
{
    struct err err = ERR_INIT;
    struct json_object *object = NULL;
    ck_assert_int_eq(json_parse(text, strlen(text), &object, &err), 0);
    return object;
}

START_TEST(test_docker_answer__states)
{
    static const struct {
        const char *answer;
        enum runtime_state state;
        int64_t exit_code;
        bool oom_killed;
    } cases[] = {
        { "{\"State\":{\"Status\":\"running\",\"ExitCode\":0,\"OOMKilled\":false}}", RUNTIME_RUNNING, -1, false },
        { "{\"State\":{\"Status\":\"exited\",\"ExitCode\":137,\"OOMKilled\":true}}", RUNTIME_STOPPED, 137, true },
        { "{\"State\":{\"Status\":\"created\",\"ExitCode\":0}}", RUNTIME_STOPPED, 0, false },
        { "{\"State\":{\"Status\":\"paused\"}}", RUNTIME_RUNNING, -1, false },
        { "{\"State\":{\"Status\":\"dead\",\"ExitCode\":\"x\"}}", RUNTIME_STOPPED, -1, false },
        { "{}", RUNTIME_STOPPED, -1, false },
        { "[1]", RUNTIME_STOPPED, -1, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *answer = parsed(cases[i].answer);
        struct runtime_status status = { 0 };
        docker_read_state(answer, &status);
        ck_assert_int_eq(status.state, cases[i].state);
        ck_assert_int_eq(status.exit_code, cases[i].exit_code);
        ck_assert_int_eq(status.oom_killed, cases[i].oom_killed);
        ck_assert_int_eq(status.paused, strstr(cases[i].answer, "paused") != NULL);
    }
}
END_TEST

START_TEST(test_docker_answer__rows_and_owners)
{
    cleanup_json struct json_object *row = parsed("{\"Labels\":{\"sandbox.container\":\"" ID "\"},\"State\":\"running\"}");
    cleanup_json struct json_object *odd = parsed("{\"Labels\":{\"sandbox.container\":\"../../etc\"},\"State\":\"running\"}");
    cleanup_json struct json_object *ours = parsed("{\"Config\":{\"Labels\":{\"sandbox.installation\":\"/var/lib/sb\"}}}");
    cleanup_json struct json_object *theirs = parsed("{\"Config\":{\"Labels\":{\"sandbox.installation\":\"/var/lib/sb2\"}}}");
    cleanup_json struct json_object *nobodys = parsed("{\"Config\":{\"Labels\":null}}");
    struct runtime_status status;
    ck_assert(docker_read_row(row, &status));
    ck_assert_str_eq(status.container_id, ID);
    ck_assert_int_eq(status.state, RUNTIME_RUNNING);
    ck_assert(!docker_read_row(odd, &status));
    ck_assert(docker_is_ours(&settings, ours));
    ck_assert(!docker_is_ours(&settings, theirs));
    ck_assert(!docker_is_ours(&settings, nobodys));
}
END_TEST

START_TEST(test_docker_answer__missing_limits_are_said)
{
    cleanup_json struct json_object *version = parsed("{\"Version\":\"20.10\"}");
    cleanup_json struct json_object *good = parsed("{\"CgroupVersion\":\"2\",\"MemoryLimit\":true,\"PidsLimit\":true,"
                                                   "\"CpuCfsQuota\":true,\"SecurityOptions\":[\"name=seccomp,profile=default\"]}");
    cleanup_json struct json_object *bad = parsed("{\"CgroupVersion\":\"1\",\"MemoryLimit\":true,\"PidsLimit\":false}");
    struct runtime_info info;
    docker_read_info(version, good, &info);
    ck_assert_str_eq(info.version, "Docker 20.10");
    ck_assert_str_eq(info.isolation, "Docker container: namespaces, cgroup v2, seccomp, disk watched");
    ck_assert(!info.weaker);
    docker_read_info(version, bad, &info);
    ck_assert_ptr_nonnull(strstr(info.isolation, "no process limit"));
    ck_assert(info.weaker);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker_body");
    TCase *cases = tcase_create("docker_body");
    tcase_add_test(cases, test_docker_body__hardening);
    tcase_add_test(cases, test_docker_body__remote);
    tcase_add_test(cases, test_docker_body__tar);
    tcase_add_test(cases, test_docker_body__template_may_ask_for_more);
    tcase_add_test(cases, test_docker_answer__states);
    tcase_add_test(cases, test_docker_answer__rows_and_owners);
    tcase_add_test(cases, test_docker_answer__missing_limits_are_said);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
