/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to the Docker Engine API and what it answers, as JSON. Pure. */
#ifndef SANDBOX_RUNTIME_DOCKER_BODY_H
#define SANDBOX_RUNTIME_DOCKER_BODY_H

#include "lib/runtime/runtime.h"
#include "lib/util/json.h"

#define DOCKER_LABEL_INSTALLATION "sandbox.installation"
#define DOCKER_LABEL_CONTAINER "sandbox.container"

/* Paths within a container. */
#define DOCKER_INSIDE_RUN "/run/sandbox"
#define DOCKER_INSIDE_TOOLS "/.sandbox"
#define DOCKER_INSIDE_EXECUTOR DOCKER_INSIDE_TOOLS "/executor"

/* Body of POST /containers/create. `tools`: name of the engine's volume that holds the executor; then nothing of this host is mounted, and the
 * secret is in the environment. NULL: the executor and the container's directory are this host's. */
int docker_create_body(const struct runtime_settings *settings, const struct runtime_spec *spec, const char *tools,
                       struct json_object **out, struct err *err) must_use;
/* The same of a container that is never started: it has the volume, to fill it. */
int docker_filler_body(const char *image, const char *tools, struct json_object **out, struct err *err) must_use;
/* Body of POST /containers/{name}/exec that connects to the container's executor. */
int docker_connect_body(struct json_object **out, struct err *err) must_use;
/* Value of the query parameter `filters`: this installation's containers. Not yet percent-encoded. */
int docker_list_filter(const struct runtime_settings *settings, struct json_object **out, struct err *err) must_use;

/* The "message" of an error answer, or "" (valid as long as the object). */
const char *docker_message(struct json_object *answer);
/* Whether an answer of GET /containers/{name}/json is about a container of this installation. */
bool docker_is_ours(const struct runtime_settings *settings, struct json_object *answer);
/* State out of GET /containers/{name}/json. */
void docker_read_state(struct json_object *answer, struct runtime_status *out);
/* One row of GET /containers/json; false when it is not one of our containers. */
bool docker_read_row(struct json_object *row, struct runtime_status *out);
/* Out of GET /containers/{name}/stats; not measured when the container does not run. */
void docker_read_usage(struct json_object *answer, struct runtime_usage *out);
/* Isolation in force and version, out of GET /version and GET /info. */
void docker_read_info(struct json_object *version, struct json_object *info, struct runtime_info *out);

#endif
