/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as clients may look at them. They come and go with sessions and the pool; nobody makes or ends one by itself. */
#ifndef SANDBOX_SERVICE_CONTAINERS_H
#define SANDBOX_SERVICE_CONTAINERS_H

#include "lib/repo/list.h"
#include "lib/service/context.h"

struct container_query {
    int status;              /* enum container_status; -1: all but deleted */
    int runtime_type;        /* enum runtime_type, or -1 */
    const char *template_id; /* NULL: any */
    struct page page;
};

/* `owner`: of the sessions whose containers may be seen; NULL: everybody's, and warm ones. Their secrets are blank. */

/* ERR_CONTAINER_NOT_FOUND. */
int container_service_get(const struct context *context, const char *owner, const char *id, struct container *out,
                          struct err *err) must_use;
/* Newest first. */
int container_service_list(const struct context *context, const char *owner, const struct container_query *query,
                           struct container_list *out, struct err *err) must_use;

#endif
