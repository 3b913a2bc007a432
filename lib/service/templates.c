/* SPDX-License-Identifier: Apache-2.0 */
/* Templates belong to the installation, not to an owner. */
#include "lib/service/templates.h"

#include "lib/repo/template_repo.h"

int template_service_get(const struct context *context, const char *id, struct template *out,
                         struct err *err)
{
    return template_repo_get(context->db, id, out, err);
}

int template_service_list(const struct context *context, const struct page *page,
                          struct template_list *out, struct err *err)
{
    return template_repo_list(context->db, page, out, err);
}
