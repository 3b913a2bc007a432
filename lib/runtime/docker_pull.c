/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls an image: one long answer, whose lines say how it goes. */
#include <stdio.h>
#include <string.h>

#include "lib/model/image_name.h"
#include "lib/runtime/docker.h"
#include "lib/runtime/pull_progress.h"
#include "lib/runtime/registry_auth.h"
#include "lib/util/clock.h"

enum { HEADER_MAX = 64 * 1024, TURN_MS = 500 };
#define AUTH_HEADER "X-Registry-Auth: "

struct pulling {
    struct pull_progress progress;
    bool done;
    int status;
    struct err problem;
};

static void pulling_release(struct pulling *pulling)
{
    pull_progress_release(&pulling->progress);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct pulling *pulling = arg;
    pull_progress_feed(&pulling->progress, data, len);
    return 0;
}

static void on_done(void *arg, int status, const struct err *err)
{
    struct pulling *pulling = arg;
    pulling->done = true;
    pulling->status = status;
    if (status == 0)
        pulling->problem = *err;
}

/* Until the stream has ended, or the caller wants no more of it. */
static int follow(struct docker *docker, struct http_call *call, struct pulling *pulling, const struct runtime_pull *pull, struct err *err)
{
    char text[PULL_TEXT_SIZE];
    while (!pulling->done) {
        int status = http_run(docker->http, NULL, 0, TURN_MS, err);
        pull_progress_text(&pulling->progress, text);
        if (status == 0 && (pulling->done || pull->on_progress(pull->arg, text)))
            continue;
        if (status == 0)
            err_set(err, ERR_UNCERTAIN, "The pull was broken off.");
        if (!pulling->done)
            http_cancel(docker->http, call);
        return -1;
    }
    pull_progress_end(&pulling->progress);
    return 0;
}

/* What went wrong, in words for users; the engine's own for the log. */
static int refused(const struct pulling *pulling, const char *image, struct err *err)
{
    static const char *const for_good[] = { "not found", "unknown", "does not exist", "denied", "unauthorized", "no basic auth",
                                            "authentication required" };
    const char *message = pulling->progress.error;
    bool lasting = pulling->status == 404;
    for (size_t i = 0; i < sizeof(for_good) / sizeof(for_good[0]); i++)
        lasting = lasting || strstr(message, for_good[i]);
    if (lasting)
        err_set(err, ERR_NOT_FOUND, "The image %.160s is not on this node, and its registry does not have it or wants other credentials.", image);
    else if (strstr(message, "no space left"))
        err_set(err, ERR_NO_ROOM, "The node has no disk space left for the image %.160s.", image);
    else
        err_set(err, ERR_UNAVAILABLE, "The image %.160s is not on this node and cannot be pulled now.", image);
    return err_wrap(err, "status %d: %s", pulling->status, message);
}

static int ask(struct docker *docker, const char *path, const char *header, struct pulling *pulling, const struct runtime_pull *pull,
               struct err *err)
{
    char url[DOCKER_URL_SIZE];
    struct http_request request = { .method = "POST", .headers = &header, .header_count = header[0] ? 1 : 0,
                                    .timeout_ms = RUNTIME_PULL_MS, .on_data = on_data, .on_done = on_done, .arg = pulling };
    struct http_call *call = NULL;
    docker_target_aim(&docker->target, path, url, &request);
    if (http_start(docker->http, &request, &call, err) != 0 || follow(docker, call, pulling, pull, err) != 0)
        return -1;
    if (pulling->status != 0)
        return pulling->status == 200 && !pulling->progress.error[0] ? 0 : refused(pulling, pull->image, err);
    *err = pulling->problem;
    if (err->code == ERR_TIMEOUT)
        return err_set(err, ERR_NOT_FOUND, "The image %.160s could not be pulled within %d minutes.", pull->image, RUNTIME_PULL_MS / 60000);
    docker_engine_away(err);
    return err_wrap(err, "POST %s", path);
}

int docker_pull(void *state, const struct runtime_pull *pull, struct err *err)
{
    struct docker *docker = state;
    struct image_name name;
    char path[DOCKER_PATH_SIZE], full[DOCKER_PATH_SIZE];
    cleanup_strbuf struct strbuf header = STRBUF_INIT(HEADER_MAX);
    cleanup(pulling_release) struct pulling pulling = { 0 };
    pull_progress_init(&pulling.progress);
    if (image_name_parse(pull->image, &name, err) != 0)
        return err_set(err, ERR_NOT_FOUND, "%.160s is not the name of an image.", pull->image);
    /* nothing in a name needs to be encoded in a query */
    snprintf(path, sizeof(path), "/images/create?fromImage=%s/%s&tag=%s", name.registry, name.repository,
             name.digest[0] ? name.digest : name.tag);
    strbuf_add_str(&header, AUTH_HEADER);
    if (registry_auth_load(docker->settings->docker_config, name.registry, &header, err) != 0 ||
        docker_versioned(docker, path, full, err) != 0)
        return -1;
    bool known = header.len > sizeof(AUTH_HEADER) - 1;
    return ask(docker, full, known ? strbuf_str(&header) : "", &pulling, pull, err);
}
