/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the docker driver: its state, and calls to the engine that its files share. */
#ifndef SANDBOX_RUNTIME_DOCKER_H
#define SANDBOX_RUNTIME_DOCKER_H

#include "lib/io/http.h"
#include "lib/runtime/docker_target.h"
#include "lib/runtime/runtime.h"
#include "lib/util/json.h"

enum { DOCKER_TOOLS_SIZE = 40 };

struct docker {
    const struct runtime_settings *settings;
    struct docker_target target;
    struct http *http;
    int api_minor; /* 0: not asked yet */
    char tools[DOCKER_TOOLS_SIZE]; /* remote engines: the volume with our executor, once it is known to hold it; "": not yet */
    bool tools_doubted; /* it did not do: fill it again whatever it says */
    int64_t limit_ms; /* of a call; 0: the usual */
};

struct docker_answer {
    int status;
    struct json_object *body; /* NULL when there was none */
};
#define cleanup_docker_answer cleanup(docker_answer_release)
void docker_answer_release(struct docker_answer *answer);

/* The path with the API's version in front. */
int docker_versioned(struct docker *docker, const char *path, char out[DOCKER_PATH_SIZE], struct err *err) must_use;
/* One call of the API, whatever its status; `body` may be NULL. ERR_UNAVAILABLE: the engine is down. */
int docker_call(struct docker *docker, const char *method, const char *path, struct json_object *body,
                struct docker_answer *out, struct err *err) must_use;
/* The same where request or answer are no JSON: the body and content_type of `request` go out, `text` (its ceiling holds) comes back. */
int docker_send(struct docker *docker, const char *path, struct http_request *request, int *status_out, struct strbuf *text,
                struct err *err) must_use;
/* Makes what became of a call's connection an error of the engine; returns -1. */
int docker_engine_away(struct err *err);
/* An answer that is none of those expected ("list its containers"), as an error; returns -1. */
int docker_unexpected(const struct docker_answer *answer, const char *what, struct err *err);

/* A refusal to make or start a container, in words for users; the engine's own words, which may name paths of the node, for the log. */
int docker_refused(const struct docker_answer *answer, const struct runtime_spec *spec, struct err *err);

/* docker_tools.c: sees to it that the engine, which sees nothing of this host, has a volume with our executor: docker->tools. The spec's image is
 * what a container is made of to fill it. Several may try at once. */
int docker_bring_tools(struct docker *docker, const struct runtime_spec *spec, struct err *err) must_use;

/* The driver's functions in docker_look.c, docker_images.c and docker_pull.c. */
int docker_logs(void *state, const char *container_id, int64_t tail, int64_t since_ms, struct strbuf *out,
                struct err *err) must_use;
int docker_pull(void *state, const struct runtime_pull *pull, struct err *err) must_use;
int docker_images(void *state, struct runtime_images *out, struct err *err) must_use;
int docker_usage(void *state, const char *container_id, struct runtime_usage *out, struct err *err) must_use;

#endif
