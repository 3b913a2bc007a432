/* SPDX-License-Identifier: Apache-2.0 */
/* Hard limits on what a directory holds: project quotas of its file system (ext4 with prjquota, XFS with pquota). */
#ifndef SANDBOX_RUNTIME_QUOTA_H
#define SANDBOX_RUNTIME_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Whether the file system of the open directory `fd` enforces them, and we may set them. */
bool quota_enforced(int fd);
/* What is made in the open, empty directory `fd` from now on belongs to `project`. */
int quota_assign(int fd, uint32_t project, struct err *err) must_use;
/* On the file system of `fd`, `project` (1 to UINT32_MAX - 1) gets room for disk_mb, as the executor measures it, and some for directories:
 * beyond that, and beyond QUOTA_FILES, writing fails with EDQUOT. */
enum { QUOTA_FILES = 250000 };
int quota_limit(int fd, uint32_t project, int64_t disk_mb, struct err *err) must_use;
/* No limit any more: the project may be another's. */
void quota_release(int fd, uint32_t project);

#endif
