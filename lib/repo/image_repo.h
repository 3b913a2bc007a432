/* SPDX-License-Identifier: Apache-2.0 */
/* Which images the engine of each node has. */
#ifndef SANDBOX_REPO_IMAGE_REPO_H
#define SANDBOX_REPO_IMAGE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* The node has exactly these, named as engines list them; only what has changed is written. `images` is sorted. */
int image_repo_store(struct db *db, const char *node_id, struct string_list *images, struct err *err) must_use;
/* The node has this one too. */
int image_repo_add(struct db *db, const char *node_id, const char *image, struct err *err) must_use;

#endif
