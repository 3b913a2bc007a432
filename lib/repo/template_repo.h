/* SPDX-License-Identifier: Apache-2.0 */
/* Templates. */
#ifndef SANDBOX_REPO_TEMPLATE_REPO_H
#define SANDBOX_REPO_TEMPLATE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* ERR_TEMPLATE_NOT_FOUND. */
int template_repo_get(struct db *db, const char *id, struct template *out, struct err *err) must_use;
/* By id. */
int template_repo_list(struct db *db, const struct page *page, struct template_list *out,
                       struct err *err) must_use;
/* Sets the pool target of one template (sandboxctl). ERR_TEMPLATE_NOT_FOUND. */
int template_repo_set_pool(struct db *db, const char *id, int64_t target, struct err *err) must_use;
/* Sets the image of one template (sandboxctl). ERR_TEMPLATE_NOT_FOUND. */
int template_repo_set_image(struct db *db, const char *id, const char *image, struct err *err) must_use;

#endif
