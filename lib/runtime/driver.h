/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver of lib/runtime provides; the functions mean what their namesakes in runtime.h say. */
#ifndef SANDBOX_RUNTIME_DRIVER_H
#define SANDBOX_RUNTIME_DRIVER_H

#include "lib/runtime/runtime.h"

struct runtime_driver {
    const char *name; /* the setting `kind` */
    int (*open)(const struct runtime_settings *settings, void **state_out, struct err *err);
    void (*free)(void *state);
    int (*info)(void *state, struct runtime_info *out, struct err *err);
    int (*create)(void *state, const struct runtime_spec *spec, struct err *err);
    int (*destroy)(void *state, const char *container_id, struct err *err);
    /* out->container_id is set already. */
    int (*inspect)(void *state, const char *container_id, struct runtime_status *out, struct err *err);
    int (*list)(void *state, struct runtime_status **out, size_t *count_out, struct err *err);
    int (*logs)(void *state, const char *container_id, int64_t tail, int64_t since_ms, struct strbuf *out, struct err *err);
    /* *out is zeroed already. */
    int (*usage)(void *state, const char *container_id, struct runtime_usage *out, struct err *err);
    int (*images)(void *state, struct runtime_images *out, struct err *err); /* NULL: there are no images */
    int (*pull)(void *state, const struct runtime_pull *pull, struct err *err);         /* likewise */
};

extern const struct runtime_driver runtime_docker_driver;
extern const struct runtime_driver runtime_process_driver;

/* Whether `id` has the form of a container id: CONTAINER_ID_HEX lower-case hexadecimal digits. */
bool runtime_id_valid(const char *id);

#endif
