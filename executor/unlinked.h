/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the workspace that have no name any more, but are held open or mapped by processes of the slots: they take room that a walk
 * does not see. Where a process cannot be looked into is told apart from where there is nothing. */
#ifndef SANDBOX_EXECUTOR_UNLINKED_H
#define SANDBOX_EXECUTOR_UNLINKED_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/setup.h"

struct unlinked {
    int64_t bytes;
    pid_t opaque; /* a process that does not let itself be looked into, or has too many descriptors to look at; 0: none */
};

/* Looks at all processes of the slots. `main_of` names a slot's interpreter (0: it has none that starts as root): where that one is
 * opaque, the slot's others may be. */
void unlinked_measure(const struct setup *setup, pid_t (*main_of)(void *arg, uid_t uid), void *arg, struct unlinked *out);

#endif
