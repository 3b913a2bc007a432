/* SPDX-License-Identifier: Apache-2.0 */
/* What a container says and uses, as the Docker Engine has it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/runtime/docker.h"
#include "lib/runtime/docker_body.h"
#include "lib/runtime/docker_frames.h"
#include "lib/runtime/log_lines.h"
#include "lib/util/clock.h"

enum { FRAME_TEXT_MAX = LOG_LINE_MAX + 64 };

/* An answer of /logs under way. */
struct reading {
    struct docker_frames frames;
    struct log_lines lines;
    struct strbuf text; /* of one frame; what is over its ceiling is dropped */
    bool done;
    int status;
    struct err problem;
};

static void reading_release(struct reading *reading)
{
    log_lines_release(&reading->lines);
    strbuf_release(&reading->text);
}

/* A frame is what was written at once, with the engine's time in front: a line, or a part of one that was very long. */
static void on_text(void *arg, int stream, const char *text, size_t len, bool end)
{
    struct reading *reading = arg;
    size_t room = reading->text.max - reading->text.len;
    strbuf_add(&reading->text, text, len < room ? len : room);
    if (!end)
        return;
    log_lines_add(&reading->lines, strbuf_str(&reading->text), reading->text.len, stream == 2 ? "ERROR" : "INFO");
    strbuf_reset(&reading->text);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct reading *reading = arg;
    docker_frames_feed(&reading->frames, data, len); /* an error's text is no such stream: the status tells */
    return 0;
}

static void on_done(void *arg, int status, const struct err *err)
{
    struct reading *reading = arg;
    reading->done = true;
    reading->status = status;
    if (status == 0)
        reading->problem = *err;
}

/* A look at the engine for which nobody waits as long as for a change. */
static int ask(struct docker *docker, const char *path, struct docker_answer *out, struct err *err)
{
    docker->limit_ms = RUNTIME_LOGS_MS;
    int status = docker_call(docker, "GET", path, NULL, out, err);
    docker->limit_ms = 0;
    return status;
}

static int not_there(const char *id, struct err *err)
{
    return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%s' does not exist.", id);
}

/* Its name alone does not make a container ours. */
static int check_ours(struct docker *docker, const char *id, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer answer = { 0 };
    snprintf(path, sizeof(path), "/containers/sandbox-%s/json", id);
    if (ask(docker, path, &answer, err) != 0)
        return -1;
    if (answer.status == 404 || (answer.status == 200 && !docker_is_ours(docker->settings, answer.body)))
        return not_there(id, err);
    return answer.status == 200 ? 0 : docker_unexpected(&answer, "look for a container", err);
}

static int read_logs(struct docker *docker, const char *path, int64_t limit_ms, struct reading *reading, struct err *err)
{
    char url[DOCKER_URL_SIZE];
    struct http_request request = {
        .method = "GET", .timeout_ms = limit_ms, .on_data = on_data, .on_done = on_done, .arg = reading,
    };
    docker_target_aim(&docker->target, path, url, &request);
    struct http_call *call = NULL;
    if (http_start(docker->http, &request, &call, err) != 0)
        return -1;
    while (!reading->done) {
        if (http_run(docker->http, NULL, 0, RUNTIME_LOGS_MS, err) == 0)
            continue;
        if (!reading->done)
            http_cancel(docker->http, call);
        return -1;
    }
    if (reading->status != 0)
        return 0;
    *err = reading->problem;
    docker_engine_away(err);
    return err_wrap(err, "GET %s", path);
}

int docker_logs(void *state, const char *id, int64_t tail, int64_t since_ms, struct strbuf *out, struct err *err)
{
    struct docker *docker = state;
    char path[DOCKER_PATH_SIZE], full[DOCKER_PATH_SIZE];
    int64_t end = clock_mono_ms() + RUNTIME_LOGS_MS;
    cleanup(reading_release) struct reading reading = { .text = STRBUF_INIT(FRAME_TEXT_MAX) };
    reading.frames = (struct docker_frames){ .on_text = on_text, .arg = &reading };
    log_lines_init(&reading.lines, tail, since_ms, clock_wall_ms());
    snprintf(path, sizeof(path), "/containers/sandbox-%s/logs?stdout=1&stderr=1&timestamps=1&tail=%" PRId64 "&since=%" PRId64,
             id, tail, since_ms / 1000);
    if (check_ours(docker, id, err) != 0 || docker_versioned(docker, path, full, err) != 0)
        return -1;
    int64_t left = end - clock_mono_ms();
    if (read_logs(docker, full, left > 1 ? left : 1, &reading, err) != 0)
        return -1;
    if (reading.status == 404)
        return not_there(id, err);
    if (reading.status != 200)
        return docker_unexpected(&(struct docker_answer){ .status = reading.status }, "show a container's log", err);
    if (!docker_frames_whole(&reading.frames))
        return err_internal(err, 0, "GET %s: not a whole stream of frames", full);
    log_lines_finish(&reading.lines, RUNTIME_LOGS_MAX, out);
    return strbuf_ok(out) && strbuf_ok(&reading.lines.kept) ? 0 : err_internal(err, 0, "out of memory for a log");
}

int docker_usage(void *state, const char *id, struct runtime_usage *out, struct err *err)
{
    struct docker *docker = state;
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer answer = { 0 };
    snprintf(path, sizeof(path), "/containers/sandbox-%s/stats?stream=false&one-shot=true", id);
    if (ask(docker, path, &answer, err) != 0)
        return -1;
    if (answer.status == 404)
        return not_there(id, err);
    if (answer.status != 200)
        return docker_unexpected(&answer, "measure a container", err);
    docker_read_usage(answer.body, out);
    return 0;
}
