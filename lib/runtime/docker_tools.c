/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the executor to an engine on another host: into a volume named for its content, through a container that is never started. That
 * container's name is what several provisioners agree by. */
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io/digest.h"
#include "lib/runtime/docker.h"
#include "lib/runtime/docker_body.h"
#include "lib/runtime/tar.h"
#include "lib/util/clock.h"

enum {
    EXECUTOR_MAX = 64 * 1024 * 1024,
    HASH_DIGITS = 16,
    WAIT_MS = 15000, /* for somebody else who fills it; then he is taken for dead */
    POLL_MS = 100,
};
#define FILE_NAME "executor"
#define MARK_NAME "complete" /* written after the executor: it is there in full */

static int read_executor(const char *path, struct strbuf *out, struct err *err)
{
    char piece[65536];
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    while (fd >= 0 && (got = read(fd, piece, sizeof(piece))) > 0)
        strbuf_add(out, piece, (size_t)got);
    if (fd < 0 || got < 0 || !strbuf_ok(out)) {
        int problem = errno;
        err_set(err, ERR_INTERNAL, "The container engine could not start the container.");
        return err_wrap(err, "cannot read %s: %s", path, strbuf_ok(out) ? strerror(problem) : "too large");
    }
    return 0;
}

static int remove_filler(struct docker *docker, const char *name, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer answer = { 0 };
    snprintf(path, sizeof(path), "/containers/%s?force=1", name);
    if (docker_call(docker, "DELETE", path, NULL, &answer, err) != 0)
        return -1;
    if (answer.status == 204 || answer.status == 404 || answer.status == 409)
        return 0;
    return docker_unexpected(&answer, "remove a container", err);
}

/* The name is free for one at a time. */
static int make_filler(struct docker *docker, const struct runtime_spec *spec, const char *name, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_json struct json_object *body = NULL;
    int64_t end = clock_mono_ms() + WAIT_MS;
    if (docker_filler_body(spec->image, name, &body, err) != 0)
        return -1;
    snprintf(path, sizeof(path), "/containers/create?name=%s", name);
    for (;;) {
        cleanup_docker_answer struct docker_answer answer = { 0 };
        if (docker_call(docker, "POST", path, body, &answer, err) != 0)
            return -1;
        if (answer.status == 201)
            return 0;
        if (answer.status != 409)
            return docker_refused(&answer, spec, err);
        if (clock_mono_ms() > end + WAIT_MS)
            return err_set(err, ERR_UNAVAILABLE, "The container engine is still being prepared.");
        if (clock_mono_ms() > end && remove_filler(docker, name, err) != 0)
            return -1;
        poll(NULL, 0, POLL_MS);
    }
}

static int is_filled(struct docker *docker, const char *name, bool *out, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    int status = 0;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(1024 * 1024);
    struct http_request request = { .method = "GET" };
    snprintf(path, sizeof(path), "/containers/%s/archive?path=" DOCKER_INSIDE_TOOLS "/" MARK_NAME, name);
    if (docker_send(docker, path, &request, &status, &text, err) != 0)
        return -1;
    *out = status == 200;
    if (status == 200 || status == 404)
        return 0;
    return docker_unexpected(&(struct docker_answer){ .status = status }, "look into a volume", err);
}

static int fill(struct docker *docker, const char *name, const struct strbuf *executor, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    int status = 0;
    cleanup_strbuf struct strbuf archive = STRBUF_INIT(EXECUTOR_MAX + 8192), text = STRBUF_INIT(65536);
    tar_add(&archive, FILE_NAME, 0755, executor->data, executor->len);
    tar_add(&archive, MARK_NAME, 0444, "", 0);
    tar_end(&archive);
    if (!strbuf_ok(&archive))
        return err_internal(err, ENOMEM, "an archive of the executor");
    struct http_request request = {
        .method = "PUT", .body = archive.data, .body_len = archive.len, .content_type = "application/x-tar",
    };
    snprintf(path, sizeof(path), "/containers/%s/archive?path=" DOCKER_INSIDE_TOOLS, name);
    if (docker_send(docker, path, &request, &status, &text, err) != 0)
        return -1;
    if (status == 200)
        return 0;
    docker_unexpected(&(struct docker_answer){ .status = status }, "fill a volume", err);
    return err_wrap(err, "%.300s", strbuf_str(&text));
}

static int see_to_it(struct docker *docker, const char *name, const struct strbuf *executor, struct err *err)
{
    bool filled = false;
    if (!docker->tools_doubted && is_filled(docker, name, &filled, err) != 0)
        return -1;
    return filled ? 0 : fill(docker, name, executor, err);
}

int docker_bring_tools(struct docker *docker, const struct runtime_spec *spec, struct err *err)
{
    char hash[DIGEST_HEX_SIZE], name[DOCKER_TOOLS_SIZE];
    cleanup_strbuf struct strbuf executor = STRBUF_INIT(EXECUTOR_MAX);
    struct err ignored = ERR_INIT;
    if (docker->tools[0] && !docker->tools_doubted)
        return 0;
    if (read_executor(docker->settings->executor, &executor, err) != 0 ||
        digest_sha256_hex(executor.data, executor.len, hash, err) != 0)
        return -1;
    snprintf(name, sizeof(name), "sandbox-executor-%.*s", HASH_DIGITS, hash);
    if (make_filler(docker, spec, name, err) != 0)
        return -1;
    int status = see_to_it(docker, name, &executor, err);
    /* one that stays is removed by who needs its name next */
    (void)!remove_filler(docker, name, &ignored);
    if (status != 0)
        return -1;
    memcpy(docker->tools, name, sizeof(name));
    docker->tools_doubted = false;
    return 0;
}
