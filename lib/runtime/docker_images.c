/* SPDX-License-Identifier: Apache-2.0 */
/* The images that a Docker Engine has. */
#include <stdlib.h>
#include <string.h>

#include "lib/runtime/docker.h"

static int add_names(struct json_object *list, struct runtime_images *out, struct err *err)
{
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(list, i));
        if (!name || name[0] == '<' || strstr(name, ":<none>")) /* what has lost its name */
            continue;
        char **more = reallocarray(out->names, out->count + 1, sizeof(char *));
        if (more)
            out->names = more;
        if (!more || !(out->names[out->count] = strdup(name)))
            return err_internal(err, 0, "out of memory for the list of images");
        out->count++;
    }
    return 0;
}

int docker_images(void *state, struct runtime_images *out, struct err *err)
{
    cleanup_docker_answer struct docker_answer answer = { 0 };
    if (docker_call(state, "GET", "/images/json", NULL, &answer, err) != 0)
        return -1;
    if (answer.status != 200 || !json_object_is_type(answer.body, json_type_array))
        return docker_unexpected(&answer, "list its images", err);
    for (size_t i = 0; i < json_object_array_length(answer.body); i++) {
        struct json_object *row = json_object_array_get_idx(answer.body, i), *tags = NULL, *digests = NULL;
        if (!json_object_is_type(row, json_type_object))
            continue;
        json_object_object_get_ex(row, "RepoTags", &tags);
        json_object_object_get_ex(row, "RepoDigests", &digests);
        if (add_names(tags, out, err) != 0 || add_names(digests, out, err) != 0)
            return -1;
    }
    return 0;
}
