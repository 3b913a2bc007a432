/* SPDX-License-Identifier: Apache-2.0 */
/* The docker driver: containers through the Engine API. */
#include "lib/runtime/driver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runtime/docker.h"
#include "lib/runtime/docker_body.h"
#include "lib/runtime/room.h"

enum {
    API_MINOR = 41, /* 1.41, unless the engine asks for a later one */
    ANSWER_MAX = 64 * 1024 * 1024,
    CALL_TIMEOUT_MS = 20000,
    REMOVE_TRIES = 50,
    REMOVE_PAUSE_MS = 100,
};

void docker_answer_release(struct docker_answer *answer)
{
    json_object_put(answer->body);
    *answer = (struct docker_answer){ 0 };
}

static int docker_open(const struct runtime_settings *settings, void **state_out, struct err *err)
{
    cleanup_free struct docker *docker = calloc(1, sizeof(*docker));
    if (!docker)
        return err_internal(err, 0, "out of memory for the docker driver");
    docker->settings = settings;
    if (docker_target_read(settings, &docker->target, err) != 0)
        return -1;
    docker->http = http_new(err);
    if (!docker->http)
        return -1;
    *state_out = steal(docker);
    return 0;
}

static void docker_free(void *state)
{
    struct docker *docker = state;
    http_free(docker->http);
    free(docker);
}

/* Every step can be repeated, so an uncertain outcome is an engine that must be asked again. */
int docker_engine_away(struct err *err)
{
    struct err cause = *err;
    if (cause.code == ERR_UNAVAILABLE)
        err_set(err, ERR_UNAVAILABLE, "The container engine does not answer.");
    else if (cause.code == ERR_TIMEOUT)
        err_set(err, ERR_UNAVAILABLE, "The container engine did not answer in time.");
    else if (cause.code == ERR_UNCERTAIN)
        err_set(err, ERR_UNAVAILABLE, "The container engine broke off its answer.");
    else if (cause.code == ERR_UNAUTHORIZED)
        err_set(err, ERR_UNAVAILABLE, "There is no safe connection to the container engine: %s", cause.text);
    return cause.code == err->code ? err_wrap(err, "%s", cause.detail) : -1;
}

/* `path` with the version in it already, or without need of one. */
static int send_raw(struct docker *docker, const char *path, struct http_request *request, int *status_out, struct strbuf *text,
                    struct err *err)
{
    char url[DOCKER_URL_SIZE];
    docker_target_aim(&docker->target, path, url, request);
    request->timeout_ms = docker->limit_ms ? docker->limit_ms : CALL_TIMEOUT_MS;
    if (http_fetch(docker->http, request, status_out, text, err) == 0)
        return 0;
    docker_engine_away(err);
    return err_wrap(err, "%s %s", request->method, path);
}

static int call_raw(struct docker *docker, const char *method, const char *path, struct json_object *body,
                    struct docker_answer *out, struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(ANSWER_MAX);
    const char *sent = body ? json_text(body) : NULL;
    struct http_request request = { .method = method, .body = sent, .body_len = sent ? strlen(sent) : 0 };
    *out = (struct docker_answer){ 0 };
    if (send_raw(docker, path, &request, &out->status, &text, err) != 0)
        return -1;
    /* errors may come as plain text, from a proxy in front of the engine for one */
    struct err ignored = ERR_INIT;
    if (text.len > 0 && json_parse(text.data, text.len, &out->body, &ignored) != 0) {
        out->body = NULL;
        if (out->status < 300)
            return err_internal(err, 0, "%s %s: not JSON: %s", method, path, ignored.text);
    }
    return 0;
}

/* An engine may have given up old versions of its API. */
static int ask_version(struct docker *docker, struct err *err)
{
    cleanup_docker_answer struct docker_answer answer = { 0 };
    struct json_object *oldest = NULL;
    int minor = 0;
    if (docker->api_minor != 0)
        return 0;
    if (call_raw(docker, "GET", "/version", NULL, &answer, err) != 0)
        return -1;
    if (answer.status != 200 || !json_object_is_type(answer.body, json_type_object))
        return err_set(err, ERR_UNAVAILABLE, "What answers on the engine's socket is not a Docker Engine.");
    if (json_object_object_get_ex(answer.body, "MinAPIVersion", &oldest))
        sscanf(json_object_get_string(oldest), "1.%d", &minor);
    docker->api_minor = minor > API_MINOR ? minor : API_MINOR;
    return 0;
}

int docker_versioned(struct docker *docker, const char *path, char out[DOCKER_PATH_SIZE], struct err *err)
{
    if (ask_version(docker, err) != 0)
        return -1;
    if (snprintf(out, DOCKER_PATH_SIZE, "/v1.%d%s", docker->api_minor, path) >= DOCKER_PATH_SIZE)
        return err_internal(err, 0, "path too long: %s", path);
    return 0;
}

int docker_call(struct docker *docker, const char *method, const char *path, struct json_object *body,
                struct docker_answer *out, struct err *err)
{
    char full[DOCKER_PATH_SIZE];
    if (docker_versioned(docker, path, full, err) != 0)
        return -1;
    return call_raw(docker, method, full, body, out, err);
}

int docker_send(struct docker *docker, const char *path, struct http_request *request, int *status_out, struct strbuf *text,
                struct err *err)
{
    char full[DOCKER_PATH_SIZE];
    if (docker_versioned(docker, path, full, err) != 0)
        return -1;
    return send_raw(docker, full, request, status_out, text, err);
}

int docker_refused(const struct docker_answer *answer, const struct runtime_spec *spec, struct err *err)
{
    const char *message = docker_message(answer->body);
    if (answer->status == 404)
        err_set(err, ERR_NOT_FOUND, "The image %.160s is not on this node: it must be pulled or built there.",
                spec->image);
    else if (strstr(message, "invalid reference format"))
        err_set(err, ERR_NOT_FOUND, "%.160s is not the name of an image.", spec->image);
    else if (strstr(message, "nknown runtime") || strstr(message, "invalid runtime"))
        err_set(err, ERR_NOT_FOUND, "The OCI runtime %.64s is not on this node.", spec->oci_runtime);
    else if (strstr(message, "no space left"))
        err_set(err, ERR_NO_ROOM, "The node has no disk space left.");
    else
        err_set(err, ERR_INTERNAL, "The container engine could not start the container.");
    return err_wrap(err, "status %d: %s", answer->status, message);
}

int docker_unexpected(const struct docker_answer *answer, const char *what, struct err *err)
{
    err_set(err, answer->status >= 500 ? ERR_UNAVAILABLE : ERR_INTERNAL, "The container engine could not %s.", what);
    return err_wrap(err, "status %d: %s", answer->status, docker_message(answer->body));
}

/* Removes the engine's part. A name that somebody else's container has is left alone. */
static int remove_container(struct docker *docker, const char *id, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer found = { 0 };
    snprintf(path, sizeof(path), "/containers/sandbox-%s/json", id);
    if (docker_call(docker, "GET", path, NULL, &found, err) != 0)
        return -1;
    if (found.status == 404)
        return 0;
    if (found.status != 200)
        return docker_unexpected(&found, "look for a container", err);
    if (!docker_is_ours(docker->settings, found.body))
        return err_internal(err, 0, "sandbox-%s belongs to another installation", id);
    snprintf(path, sizeof(path), "/containers/sandbox-%s?force=1&v=1", id);
    for (int i = 0; i < REMOVE_TRIES; i++) {
        cleanup_docker_answer struct docker_answer answer = { 0 };
        if (docker_call(docker, "DELETE", path, NULL, &answer, err) != 0)
            return -1;
        if (answer.status == 204 || answer.status == 404)
            return 0;
        if (answer.status != 409)
            return docker_unexpected(&answer, "remove a container", err);
        poll(NULL, 0, REMOVE_PAUSE_MS); /* somebody else is removing it */
    }
    return err_set(err, ERR_UNAVAILABLE, "The container engine is still removing the container.");
}

static int docker_destroy(void *state, const char *container_id, struct err *err)
{
    struct docker *docker = state;
    if (remove_container(docker, container_id, err) != 0)
        return -1;
    return room_remove(docker->settings->directory, container_id, err);
}

static int make_room(struct docker *docker, const struct runtime_spec *spec, struct err *err)
{
    const char *directory = docker->settings->directory;
    if (room_create(directory, spec->container_id, err) != 0) {
        if (err->code != ERR_CONFLICT)
            return -1;
        if (docker_destroy(docker, spec->container_id, err) != 0 ||
            room_create(directory, spec->container_id, err) != 0)
            return -1;
    }
    if (docker->target.remote)
        return 0; /* the room is only a record: nothing in it is seen there */
    cleanup_fd int room = room_open(directory, spec->container_id);
    return room_add_run(room, 0, 0, spec->secret, err);
}

static int create_container(struct docker *docker, const struct runtime_spec *spec, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_json struct json_object *body = NULL;
    cleanup_docker_answer struct docker_answer answer = { 0 };
    if (docker->target.remote && docker_bring_tools(docker, spec, err) != 0)
        return -1;
    if (docker_create_body(docker->settings, spec, docker->target.remote ? docker->tools : NULL, &body, err) != 0)
        return -1;
    snprintf(path, sizeof(path), "/containers/create?name=sandbox-%s", spec->container_id);
    if (docker_call(docker, "POST", path, body, &answer, err) != 0)
        return -1;
    if (answer.status == 409) {
        if (remove_container(docker, spec->container_id, err) != 0)
            return -1;
        docker_answer_release(&answer);
        if (docker_call(docker, "POST", path, body, &answer, err) != 0)
            return -1;
    }
    return answer.status == 201 ? 0 : docker_refused(&answer, spec, err);
}

static int start_container(struct docker *docker, const struct runtime_spec *spec, struct err *err)
{
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer answer = { 0 };
    snprintf(path, sizeof(path), "/containers/sandbox-%s/start", spec->container_id);
    if (docker_call(docker, "POST", path, NULL, &answer, err) != 0)
        return -1;
    if (answer.status == 204 || answer.status == 304)
        return 0;
    if (answer.status == 404)
        return err_set(err, ERR_UNAVAILABLE, "The container vanished while it was being started.");
    docker->tools_doubted = docker->target.remote; /* somebody may have emptied the volume */
    return docker_refused(&answer, spec, err);
}

static int docker_create(void *state, const struct runtime_spec *spec, struct err *err)
{
    struct docker *docker = state;
    /* the engine would make a container of nothing */
    if (!spec->image || !spec->image[0])
        return err_set(err, ERR_NOT_FOUND, "The template names no image.");
    if (make_room(docker, spec, err) == 0 && create_container(docker, spec, err) == 0 &&
        start_container(docker, spec, err) == 0)
        return 0;
    struct err ignored = ERR_INIT; /* the caller destroys again what could not be removed */
    if (docker_destroy(docker, spec->container_id, &ignored) != 0)
        err_wrap(err, "a leftover remains");
    return -1;
}

static int docker_inspect(void *state, const char *container_id, struct runtime_status *out, struct err *err)
{
    struct docker *docker = state;
    char path[DOCKER_PATH_SIZE];
    cleanup_docker_answer struct docker_answer answer = { 0 };
    snprintf(path, sizeof(path), "/containers/sandbox-%s/json", container_id);
    if (docker_call(docker, "GET", path, NULL, &answer, err) != 0)
        return -1;
    if (answer.status == 404 || (answer.status == 200 && !docker_is_ours(docker->settings, answer.body)))
        return 0;
    if (answer.status != 200)
        return docker_unexpected(&answer, "look for a container", err);
    docker_read_state(answer.body, out);
    return 0;
}

static void percent_encode(const char *text, struct strbuf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text; text++)
        if (strchr(plain, *text))
            strbuf_add_char(out, *text);
        else
            strbuf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static int list_containers(struct docker *docker, struct docker_answer *out, struct err *err)
{
    cleanup_json struct json_object *filter = NULL;
    cleanup_strbuf struct strbuf path = STRBUF_INIT(DOCKER_PATH_SIZE);
    if (docker_list_filter(docker->settings, &filter, err) != 0)
        return -1;
    strbuf_add_str(&path, "/containers/json?all=1&filters=");
    percent_encode(json_text(filter), &path);
    if (!strbuf_ok(&path))
        return err_internal(err, 0, "filter too long");
    if (docker_call(docker, "GET", strbuf_str(&path), NULL, out, err) != 0)
        return -1;
    if (out->status != 200 || !json_object_is_type(out->body, json_type_array))
        return docker_unexpected(out, "list its containers", err);
    return 0;
}

static bool listed(const struct runtime_status *rows, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].container_id, id) == 0)
            return true;
    return false;
}

/* What the engine holds, and rooms without a container: their creation was interrupted. */
static int docker_list(void *state, struct runtime_status **out, size_t *count_out, struct err *err)
{
    struct docker *docker = state;
    cleanup_free room_id *rooms = NULL;
    cleanup_docker_answer struct docker_answer answer = { 0 };
    size_t room_count = 0, count = 0;
    /* rooms first: one that is made meanwhile is then not taken for a leftover */
    if (rooms_list(docker->settings->directory, &rooms, &room_count, err) != 0 ||
        list_containers(docker, &answer, err) != 0)
        return -1;
    size_t engine_count = json_object_array_length(answer.body);
    cleanup_free struct runtime_status *rows = calloc(engine_count + room_count + 1, sizeof(*rows));
    if (!rows)
        return err_internal(err, 0, "out of memory for the list of containers");
    for (size_t i = 0; i < engine_count; i++)
        if (docker_read_row(json_object_array_get_idx(answer.body, i), &rows[count]))
            count++;
    engine_count = count;
    for (size_t i = 0; i < room_count; i++) {
        if (listed(rows, engine_count, rooms[i]))
            continue;
        rows[count] = (struct runtime_status){ .state = RUNTIME_STOPPED, .exit_code = -1 };
        memcpy(rows[count++].container_id, rooms[i], CONTAINER_ID_SIZE);
    }
    *out = steal(rows);
    *count_out = count;
    return 0;
}

static int docker_info(void *state, struct runtime_info *out, struct err *err)
{
    struct docker *docker = state;
    cleanup_docker_answer struct docker_answer version = { 0 }, info = { 0 };
    if (docker_call(docker, "GET", "/version", NULL, &version, err) != 0 ||
        docker_call(docker, "GET", "/info", NULL, &info, err) != 0)
        return -1;
    if (version.status != 200 || info.status != 200)
        return docker_unexpected(version.status != 200 ? &version : &info, "describe itself", err);
    docker_read_info(version.body, info.body, out);
    return 0;
}

const struct runtime_driver runtime_docker_driver = {
    .name = "docker",
    .open = docker_open,
    .free = docker_free,
    .info = docker_info,
    .create = docker_create,
    .destroy = docker_destroy,
    .inspect = docker_inspect,
    .list = docker_list,
    .logs = docker_logs,
    .usage = docker_usage,
    .images = docker_images,
    .pull = docker_pull,
};
