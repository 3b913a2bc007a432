/* SPDX-License-Identifier: Apache-2.0 */
/* How much the workspace holds. It is walked through only when something was touched, and what was touched could have filled it. */
#ifndef SANDBOX_EXECUTOR_USAGE_H
#define SANDBOX_EXECUTOR_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/journal.h"

struct usage {
    int64_t bytes; /* of each file its size or what it takes on disk, whichever is more; not less than there is */
    int64_t files; /* and other entries */
    bool capped;   /* there are so many that not all were looked at: bytes may be less than there are */
    bool opaque;   /* there are directories that cannot be looked into: nested more than WALK_DEPTH_MAX deep, or under endless names */
    int64_t moment; /* of the journal, up to which this is so */
};

/* Walks; no further than twice files_max. */
void usage_measure(const struct setup *setup, const struct journal *journal, struct usage *usage);
/* After a journal_read(): an upper bound, by what was touched since; walks if that could be over the limits (0: none). */
void usage_update(const struct setup *setup, const struct journal *journal, int64_t bytes_limit, struct usage *usage);

#endif
