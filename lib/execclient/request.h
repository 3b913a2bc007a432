/* SPDX-License-Identifier: Apache-2.0 */
/* How a request to an executor is addressed. */
#ifndef SANDBOX_EXECCLIENT_REQUEST_H
#define SANDBOX_EXECCLIENT_REQUEST_H

#include "lib/execclient/execclient.h"

struct exec_request {
    char url[256];
    struct http_request http; /* points into url: don't copy */
};

/* `method` on url + `path` [+ `id` + `tail`], with the target's secret. */
void exec_request_init(struct exec_request *request, const struct exec_target *target, const char *method,
                       const char *path, const char *id, const char *tail);

#endif
