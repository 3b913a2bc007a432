/* SPDX-License-Identifier: Apache-2.0 */
/* Removes a directory that somebody else has filled: follows no link, needs neither stack nor descriptors by depth. */
#ifndef SANDBOX_RUNTIME_TREE_H
#define SANDBOX_RUNTIME_TREE_H

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Removes `name` in the directory `parent` and all that is in it. A missing one is success. Nothing may be writing
 * there any more. */
int tree_remove(int parent, const char *name, struct err *err) must_use;

#endif
