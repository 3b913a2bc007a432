/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of each request, in one place: when its answer has gone out. */
#ifndef SANDBOX_FCGI_METRICS_H
#define SANDBOX_FCGI_METRICS_H

#include "fcgi/router.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

/* A request that was answered. */
struct served {
    const struct route *route; /* NULL: none fits, or only OPTIONS was asked */
    const char *method;
    int status;
    enum err_code failure; /* ERR_NONE: it was no error */
    bool has_token, replayed;
    int64_t us;
};

/* NULL: with err, or with ERR_NONE when metrics are switched off. */
struct metrics *http_metrics_open(const struct settings *settings, struct err *err) must_use;
void http_metrics_count(struct metrics *metrics, const struct served *served);

#endif
