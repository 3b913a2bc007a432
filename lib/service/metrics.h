/* SPDX-License-Identifier: Apache-2.0 */
/* What the services count, where each program counts it, and all of it as text. docs/metrics.md lists the metrics. */
#ifndef SANDBOX_SERVICE_METRICS_H
#define SANDBOX_SERVICE_METRICS_H

#include "lib/service/context.h"
#include "lib/util/metrics.h"

/* Of a program's file "service". Beside each: its axes. */
enum service_metric {
    METRIC_SESSION_CREATE,     /* metric_warmth */
    METRIC_SESSION_START,
    METRIC_QUEUE_WAIT,
    METRIC_EXECUTION_DURATION, /* enum language */
    METRIC_EXECUTIONS,         /* enum language, enum execution_status - EXECUTION_COMPLETED */
    METRIC_EXECUTION_RETRIES,
    METRIC_POOL_CLAIMS,        /* metric_warmth */
    METRIC_CONTAINERS_CREATED,
    METRIC_CONTAINERS_FAILED,
    METRIC_CONTAINERS_REMOVED,
    METRIC_RATE_LIMITED,       /* enum metric_limit */
    METRIC_JOB_STEPS_FAILED,   /* by metrics_job_failed() */
    METRIC_PURGED_SESSIONS,
    METRIC_PURGED_OBJECTS,
    METRIC_PURGED_BYTES,
    METRIC_PURGE_FAILURES,
    METRIC_TRANSFERS,          /* enum transfer_direction, enum move_end */
    METRIC_TRANSFER_FILES,     /* enum transfer_direction */
    METRIC_TRANSFER_BYTES,     /* likewise */
    METRIC_TRANSFER_DURATION,  /* likewise */
    METRIC_UPLOADS,            /* enum metric_upload */
    METRIC_UPLOAD_BYTES,
    METRIC_PROBES,             /* enum metric_probe */
    METRIC_REPLACEMENTS,       /* enum death_cause */
    METRIC_WEBHOOKS,           /* enum metric_webhook */
    METRIC_WEBHOOK_FAILURES,
    METRIC_DISPATCH,           /* enum metric_dispatch */
};
enum metric_warmth { METRIC_WARM, METRIC_COLD };
enum metric_dispatch { METRIC_DISPATCH_CLAIM, METRIC_DISPATCH_EXECUTOR, METRIC_DISPATCH_STORE, METRIC_DISPATCH_STEPS };
enum metric_limit { METRIC_LIMIT_REQUESTS, METRIC_LIMIT_EXECUTIONS, METRIC_LIMIT_SESSIONS, METRIC_LIMITS };
enum metric_webhook { METRIC_WEBHOOK_DELIVERED, METRIC_WEBHOOK_GIVEN_UP };
enum metric_upload { METRIC_UPLOAD_STORED, METRIC_UPLOAD_REFUSED, METRIC_UPLOAD_FAILED, METRIC_UPLOAD_OUTCOMES };
enum metric_probe { METRIC_PROBE_ANSWERED, METRIC_PROBE_UNREACHABLE, METRIC_PROBE_SILENT, METRIC_PROBE_REFUSED, METRIC_PROBE_SENSELESS,
                    METRIC_PROBE_OUTCOMES };

#define METRICS_API "api" /* the web workers' program name; a job's is its own */

/* The file of the program `name` in its own directory, so that no program can write another's. NULL: with err, or with ERR_NONE when
 * metrics are switched off. */
struct metrics *metrics_service_open(const struct settings *settings, const char *name, struct err *err) must_use;

/* So many executions of a language have ended so. */
void metrics_executions_ended(struct metrics *metrics, enum language language, enum execution_status status,
                              uint64_t count);
/* One has, with what came of it. */
void metrics_execution_done(struct metrics *metrics, enum language language, enum execution_status status,
                            const struct execution_outcome *outcome);
void metrics_job_failed(struct metrics *metrics, const char *job);

/* Appends what all programs of this host have counted. A file that cannot be read is as one that counted nothing. */
int metrics_service_counters(const struct context *context, struct strbuf *out, struct err *err) must_use;
/* Appends what the database says now, and whether it says all of it. */
void metrics_service_gauges(const struct context *context, struct strbuf *out);

#endif
