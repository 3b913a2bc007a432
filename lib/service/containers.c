/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, without what is between them and their executors. */
#include "lib/service/containers.h"

#include <string.h>

#include "lib/repo/container_repo.h"

static void blank(struct container *container)
{
    memset(container->secret, 0, sizeof(container->secret));
}

int container_service_get(const struct context *context, const char *owner, const char *id, struct container *out,
                          struct err *err)
{
    if (container_repo_find(context->db, owner, id, out, err) != 0)
        return -1;
    blank(out);
    return 0;
}

int container_service_list(const struct context *context, const char *owner, const struct container_query *query,
                           struct container_list *out, struct err *err)
{
    const struct container_filter filter = { .owner = owner, .status = query->status,
                                             .runtime_type = query->runtime_type, .template_id = query->template_id };
    if (container_repo_list(context->db, &filter, &query->page, out, err) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        blank(&out->items[i]);
    return 0;
}
