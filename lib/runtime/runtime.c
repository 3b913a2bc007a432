/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the driver, checks what every driver relies on, and passes calls on. */
#include "lib/runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runtime/docker_target.h"
#include "lib/runtime/driver.h"
#include "lib/runtime/room.h"

static const struct runtime_driver *const drivers[] = { &runtime_process_driver, &runtime_docker_driver };

struct runtime {
    const struct runtime_driver *driver;
    void *state;
};

static const struct runtime_driver *find_driver(const char *name)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

struct runtime *runtime_open(const struct runtime_settings *settings, struct err *err)
{
    const struct runtime_driver *driver = find_driver(settings->kind);
    if (!driver) {
        err_set(err, ERR_INVALID, "There is no runtime \"%s\".", settings->kind);
        return NULL;
    }
    if (rooms_prepare(settings->directory, err) != 0)
        return NULL;
    cleanup_free struct runtime *runtime = calloc(1, sizeof(*runtime));
    if (!runtime) {
        err_internal(err, 0, "out of memory for a runtime");
        return NULL;
    }
    runtime->driver = driver;
    if (driver->open(settings, &runtime->state, err) != 0)
        return NULL;
    return steal(runtime);
}

void runtime_free(struct runtime *runtime)
{
    if (!runtime)
        return;
    runtime->driver->free(runtime->state);
    free(runtime);
}

int runtime_info(struct runtime *runtime, struct runtime_info *out, struct err *err)
{
    return runtime->driver->info(runtime->state, out, err);
}

bool runtime_id_valid(const char *id)
{
    return strspn(id, "0123456789abcdef") == CONTAINER_ID_HEX && id[CONTAINER_ID_HEX] == '\0';
}

static int check_id(const char *id, struct err *err)
{
    if (runtime_id_valid(id))
        return 0;
    return err_internal(err, 0, "\"%.64s\" is not a container id", id);
}

int runtime_create(struct runtime *runtime, const struct runtime_spec *spec, struct err *err)
{
    if (check_id(spec->container_id, err) != 0)
        return -1;
    return runtime->driver->create(runtime->state, spec, err);
}

int runtime_destroy(struct runtime *runtime, const char *container_id, struct err *err)
{
    if (check_id(container_id, err) != 0)
        return -1;
    return runtime->driver->destroy(runtime->state, container_id, err);
}

int runtime_inspect(struct runtime *runtime, const char *container_id, struct runtime_status *out,
                    struct err *err)
{
    if (check_id(container_id, err) != 0)
        return -1;
    struct runtime_status status = { .state = RUNTIME_ABSENT, .exit_code = -1 };
    snprintf(status.container_id, sizeof(status.container_id), "%s", container_id);
    if (runtime->driver->inspect(runtime->state, container_id, &status, err) != 0)
        return -1;
    *out = status;
    return 0;
}

int runtime_list(struct runtime *runtime, struct runtime_status **out, size_t *count_out, struct err *err)
{
    return runtime->driver->list(runtime->state, out, count_out, err);
}

int runtime_logs(struct runtime *runtime, const char *container_id, int64_t tail, int64_t since_ms, struct strbuf *out,
                 struct err *err)
{
    if (check_id(container_id, err) != 0)
        return -1;
    return runtime->driver->logs(runtime->state, container_id, tail, since_ms, out, err);
}

int runtime_usage(struct runtime *runtime, const char *container_id, struct runtime_usage *out, struct err *err)
{
    *out = (struct runtime_usage){ 0 };
    if (check_id(container_id, err) != 0)
        return -1;
    return runtime->driver->usage(runtime->state, container_id, out, err);
}

void runtime_images_release(struct runtime_images *images)
{
    for (size_t i = 0; i < images->count; i++)
        free(images->names[i]);
    free(images->names);
    *images = (struct runtime_images){ 0 };
}

int runtime_images(struct runtime *runtime, struct runtime_images *out, struct err *err)
{
    return runtime->driver->images ? runtime->driver->images(runtime->state, out, err) : 0;
}

int runtime_pull(struct runtime *runtime, const struct runtime_pull *pull, struct err *err)
{
    return runtime->driver->pull ? runtime->driver->pull(runtime->state, pull, err) : 0;
}

/* A name of its own: libcurl looks for a connection among all that it keeps for a name, asking the kernel about each. */
void runtime_endpoint(const struct runtime_settings *settings, const char *container_id,
                      struct runtime_endpoint *out)
{
    snprintf(out->url, sizeof(out->url), "http://" RUNTIME_HOST_PREFIX "%s", container_id);
    if (docker_target_remote(settings))
        snprintf(out->unix_path, sizeof(out->unix_path), "%s/" ROOM_RELAY_SOCKET, settings->directory);
    else
        snprintf(out->unix_path, sizeof(out->unix_path), "%s/%s/" ROOM_RUN "/" ROOM_SOCKET, settings->directory, container_id);
}
