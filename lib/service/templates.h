/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: looking at them, making, changing and deleting them. They belong to the installation, not to an owner. */
#ifndef SANDBOX_SERVICE_TEMPLATES_H
#define SANDBOX_SERVICE_TEMPLATES_H

#include "lib/repo/list.h"
#include "lib/service/context.h"

/* What a client says of a template; what it leaves open is NULL, 0 (resources) or -1. Texts are owned. */
struct template_change {
    char *name, *image, *base_image, *packages_json, *languages, *preload_json, *oci_runtime;
    struct resources resources;
    int network_enabled, read_only_root, deprecated;
    int64_t pool_min, pool_target, pool_max_idle_s;
};
#define TEMPLATE_CHANGE_INIT                                                                       \
    ((struct template_change){ .network_enabled = -1, .read_only_root = -1, .deprecated = -1,      \
                               .pool_min = -1, .pool_target = -1, .pool_max_idle_s = -1 })
void template_change_release(struct template_change *change);

/* ERR_TEMPLATE_NOT_FOUND. */
int template_service_get(const struct context *context, const char *id, struct template *out,
                         struct err *err) must_use;
/* By id. */
int template_service_list(const struct context *context, const struct page *page,
                          struct template_list *out, struct err *err) must_use;

/* Stores a new one; what is left open has its default (name and image are not). ERR_CONFLICT: the id is taken.
 * ERR_INVALID: pool.min above pool.target. */
int template_service_create(const struct context *context, const char *id, const struct template_change *change,
                            struct template *out, struct err *err) must_use;
/* Changes what is not left open. Sessions that run keep what they were started with; warm containers that no longer fit
 * go. ERR_TEMPLATE_NOT_FOUND, ERR_INVALID as above. */
int template_service_update(const struct context *context, const char *id, const struct template_change *change,
                            struct template *out, struct err *err) must_use;
/* Deletes it and its warm containers. ERR_CONFLICT while sessions use it. ERR_TEMPLATE_NOT_FOUND. */
int template_service_delete(const struct context *context, const char *id, struct err *err) must_use;

#endif
