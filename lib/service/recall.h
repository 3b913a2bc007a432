/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which token was let in last to look at the metrics, so that they can still be seen while the database is away - when they
 * are needed most. Shared by all workers of the host; only a hash is kept, and nothing but that one route asks. */
#ifndef SANDBOX_SERVICE_RECALL_H
#define SANDBOX_SERVICE_RECALL_H

#include "lib/service/context.h"

enum { RECALL_S = 3600 }; /* how long a token is trusted without the database */

/* The token was let in just now, or was refused. */
void recall_keep(const struct context *context, const char *token);
void recall_drop(const struct context *context, const char *token);
/* Whether it was let in within RECALL_S. */
bool recall_admits(const struct context *context, const char *token);

#endif
