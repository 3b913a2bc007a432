/* SPDX-License-Identifier: Apache-2.0 */
/* Templates. */
#ifndef SANDBOX_REPO_TEMPLATE_REPO_H
#define SANDBOX_REPO_TEMPLATE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* ERR_TEMPLATE_NOT_FOUND. */
int template_repo_get(struct db *db, const char *id, struct template *out, struct err *err) must_use;
/* The same inside a transaction, until whose end the row stays as it is: shared with others who read it so, or alone. */
int template_repo_share(struct db *db, const char *id, struct template *out, struct err *err) must_use;
int template_repo_lock(struct db *db, const char *id, struct template *out, struct err *err) must_use;
/* By id. */
int template_repo_list(struct db *db, const struct page *page, struct template_list *out,
                       struct err *err) must_use;
/* Stores a new one; its times are set. ERR_CONFLICT: the id is taken. */
int template_repo_insert(struct db *db, const struct template *template, struct err *err) must_use;
/* Writes all of a template that exists (see template_repo_lock). *changed_out: whether anything was new; then updated_at is, too. */
int template_repo_update(struct db *db, const struct template *template, bool *changed_out, struct err *err) must_use;
/* ERR_TEMPLATE_NOT_FOUND. */
int template_repo_delete(struct db *db, const char *id, struct err *err) must_use;
/* How many sessions of the template are creating or running. */
int template_repo_open_sessions(struct db *db, const char *id, int64_t *count_out, struct err *err) must_use;
/* Sets the pool of one template (sandboxctl); min and max_idle_s: -1 leaves them. A minimum above the target comes down to it.
 * ERR_TEMPLATE_NOT_FOUND. */
int template_repo_set_pool(struct db *db, const char *id, int64_t target, int64_t min, int64_t max_idle_s, struct err *err) must_use;
/* Sets its modules that are imported ahead, a JSON array (sandboxctl). ERR_TEMPLATE_NOT_FOUND. */
int template_repo_set_preload(struct db *db, const char *id, const char *preload_json, struct err *err) must_use;
/* Sets the image of one template (sandboxctl). ERR_TEMPLATE_NOT_FOUND. */
int template_repo_set_image(struct db *db, const char *id, const char *image, struct err *err) must_use;

#endif
