/* SPDX-License-Identifier: Apache-2.0 */
/* How a long-running service tells its entry point what happened; libraries do not log. */
#ifndef SANDBOX_SERVICE_REPORT_H
#define SANDBOX_SERVICE_REPORT_H

#include "lib/util/err.h"
#include "lib/util/log.h"

/* `err` and `id_name`/`id` may be NULL. */
typedef void (*report_fn)(enum log_level level, const char *event, const struct err *err, const char *id_name,
                          const char *id);

#endif
