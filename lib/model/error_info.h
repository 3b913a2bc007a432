/* SPDX-License-Identifier: Apache-2.0 */
/* The one table from error code to public name, HTTP status, advice and whether trying again helps. */
#ifndef SANDBOX_MODEL_ERROR_INFO_H
#define SANDBOX_MODEL_ERROR_INFO_H

#include <stdbool.h>

#include "lib/util/err.h"

struct error_info {
    const char *name;        /* "Sandbox.SessionNotFound" */
    int http_status;         /* 400..599 */
    bool retryable;          /* the same request may succeed later: answers carry Retry-After */
    const char *description; /* what happened, a sentence without a full stop */
    const char *solution;    /* what the caller can do */
};

/* Never NULL; ERR_NONE and unknown codes give ERR_INTERNAL's row. */
const struct error_info *error_info(enum err_code code);

/* The same for the internal API, whose callers are executors. */
const struct error_info *error_info_internal(enum err_code code);

#endif
