/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as clients may look at them. */
#ifndef SANDBOX_SERVICE_TEMPLATES_H
#define SANDBOX_SERVICE_TEMPLATES_H

#include "lib/repo/list.h"
#include "lib/service/context.h"

/* ERR_TEMPLATE_NOT_FOUND. */
int template_service_get(const struct context *context, const char *id, struct template *out,
                         struct err *err) must_use;
/* By id. */
int template_service_list(const struct context *context, const struct page *page,
                          struct template_list *out, struct err *err) must_use;

#endif
