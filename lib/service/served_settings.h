/* SPDX-License-Identifier: Apache-2.0 */
/* The settings with which a host's jobs serve a node that an operator added: the host's own, but for what its row says. */
#ifndef SANDBOX_SERVICE_SERVED_SETTINGS_H
#define SANDBOX_SERVICE_SERVED_SETTINGS_H

#include "lib/model/entities.h"
#include "lib/service/settings.h"

/* The host's own node: settings.node.id, or the host's name. */
void node_own_id(const struct settings *settings, char out[NODE_ID_SIZE]);

enum { NODE_TAG_SIZE = 14 };
/* "node-" and 8 hexadecimal digits of a hash of the node's id (FNV-1a): names its directory below runtime.directory. */
void node_tag(const char *node_id, char out[NODE_TAG_SIZE]);

/* A copy whose `runtime` is the node's engine: docker, in `<runtime.directory>/node-XXXXXXXX`, so that rooms and labels of nodes never
 * mix. The rest is `base`'s, which must outlive it. Freed with free(). NULL with err. */
struct settings *served_settings_new(const struct settings *base, const struct node *node, struct err *err) must_use;

#endif
