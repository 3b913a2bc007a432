/* SPDX-License-Identifier: Apache-2.0 */
/* The services' metrics: their table, and the sum over the programs of this host. */
#include "lib/service/metrics.h"

#include <string.h>

#include "lib/service/health.h"
#include "lib/service/replacing.h"
#include "lib/service/transfers.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Every program that counts: the jobs, then the web workers. */
enum { US_IN_MS = 1000, DURATION_MS_MAX = 1000000000, PROGRAMS = HEALTH_JOBS + 1, FINAL_STATUSES = EXECUTION_STATUSES - EXECUTION_COMPLETED };

static const char *program(size_t index)
{
    return index < HEALTH_JOBS ? health_job(index) : METRICS_API;
}

static size_t two(void)
{
    return 2;
}

static size_t count_languages(void)
{
    return LANGUAGES;
}

static size_t count_final(void)
{
    return FINAL_STATUSES;
}

static size_t count_limits(void)
{
    return METRIC_LIMITS;
}

static size_t count_uploads(void)
{
    return METRIC_UPLOAD_OUTCOMES;
}

static size_t count_probes(void)
{
    return METRIC_PROBE_OUTCOMES;
}

static size_t count_causes(void)
{
    return DEATH_CAUSES;
}

static size_t count_dispatch(void)
{
    return METRIC_DISPATCH_STEPS;
}

static size_t count_jobs(void)
{
    return HEALTH_JOBS;
}

static void label_outcome(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "outcome", index == METRIC_WARM ? "warm" : "cold");
}

static void label_result(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "result", index == METRIC_WARM ? "hit" : "miss");
}

static void label_language(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "language", language_name((enum language)index));
}

static void label_final(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "status", execution_status_name((enum execution_status)(EXECUTION_COMPLETED + index)));
}

static void label_limit(size_t index, struct strbuf *out)
{
    static const char *const names[METRIC_LIMITS] = { "requests", "executions", "sessions" };
    metrics_add_label(out, "kind", names[index]);
}

static void label_upload(size_t index, struct strbuf *out)
{
    static const char *const names[METRIC_UPLOAD_OUTCOMES] = { "stored", "refused", "failed" };
    metrics_add_label(out, "outcome", names[index]);
}

static void label_probe(size_t index, struct strbuf *out)
{
    static const char *const names[METRIC_PROBE_OUTCOMES] = { "answered", "unreachable", "silent", "refused", "senseless" };
    metrics_add_label(out, "outcome", names[index]);
}

static void label_cause(size_t index, struct strbuf *out)
{
    static const char *const names[DEATH_CAUSES] = { "stopped", "out_of_memory", "unknown", "silent", "secret", "not_made", "node" };
    metrics_add_label(out, "cause", names[index]);
}

static void label_webhook(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "outcome", index == METRIC_WEBHOOK_DELIVERED ? "delivered" : "given_up");
}

static void label_dispatch(size_t index, struct strbuf *out)
{
    static const char *const names[METRIC_DISPATCH_STEPS] = { "claim", "executor", "store" };
    metrics_add_label(out, "step", names[index]);
}

static void label_job(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "job", health_job(index));
}

static size_t count_ends(void)
{
    return MOVE_ENDS;
}

static void label_direction(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "direction", index == TRANSFER_PUSH ? "into" : "out_of");
}

static void label_end(size_t index, struct strbuf *out)
{
    metrics_add_label(out, "outcome", move_end_name((enum move_end)index));
}

static const int64_t create_bounds[] = { 1000, 2000, 3000, 5000, 7500, 10000, 20000, 50000, 100000, 250000, 1000000, 5000000, 0 };
static const int64_t start_bounds[] = { 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 30000000, 0 };
static const int64_t wait_bounds[] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000, 250000, 500000, 1000000, 5000000, 30000000, 120000000, 0 };
static const int64_t step_bounds[] = { 250, 500, 1000, 2000, 3000, 5000, 10000, 20000, 50000, 100000, 500000, 5000000, 0 };
static const int64_t run_bounds[] = { 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
                                      10000000, 30000000, 60000000, 300000000, 1800000000, 0 };

static const struct metric metrics[] = {
    [METRIC_SESSION_CREATE] = { .name = "sandbox_session_create_seconds", .bounds_us = create_bounds,
        .axes = { { two, label_outcome } },
        .help = "Time to accept a session: warm ones run at once, cold ones have a container ordered." },
    [METRIC_SESSION_START] = { .name = "sandbox_session_start_seconds", .bounds_us = start_bounds,
        .help = "Time from a cold session's creation until it runs." },
    [METRIC_QUEUE_WAIT] = { .name = "sandbox_execution_queue_wait_seconds", .bounds_us = wait_bounds,
        .help = "Time from an execution's acceptance until a dispatcher takes it for the first time." },
    [METRIC_EXECUTION_DURATION] = { .name = "sandbox_execution_duration_seconds", .bounds_us = run_bounds,
        .axes = { { count_languages, label_language } },
        .help = "How long executions ran, as their executors measured it." },
    [METRIC_EXECUTIONS] = { .name = "sandbox_executions_total",
        .axes = { { count_languages, label_language }, { count_final, label_final } },
        .help = "Executions that have ended, by their final status." },
    [METRIC_EXECUTION_RETRIES] = { .name = "sandbox_execution_retries_total",
        .help = "Times an execution lost its executor and was queued again." },
    [METRIC_POOL_CLAIMS] = { .name = "sandbox_pool_claims_total", .axes = { { two, label_result } },
        .help = "Sessions created, by whether a warm container waited for them." },
    [METRIC_CONTAINERS_CREATED] = { .name = "sandbox_containers_created_total",
        .help = "Containers that were made and answered." },
    [METRIC_CONTAINERS_FAILED] = { .name = "sandbox_containers_failed_total",
        .help = "Containers that were given up: not to be made, or found dead." },
    [METRIC_CONTAINERS_REMOVED] = { .name = "sandbox_containers_removed_total",
        .help = "Containers that were removed from their engine." },
    [METRIC_RATE_LIMITED] = { .name = "sandbox_rate_limited_total", .axes = { { count_limits, label_limit } },
        .help = "Requests refused because their token or owner had taken all it may." },
    [METRIC_JOB_STEPS_FAILED] = { .name = "sandbox_job_steps_failed_total", .axes = { { count_jobs, label_job } },
        .help = "Steps of a job that failed and were tried again." },
    [METRIC_PURGED_SESSIONS] = { .name = "sandbox_purged_sessions_total",
        .help = "Ended sessions whose files were removed from storage." },
    [METRIC_PURGED_OBJECTS] = { .name = "sandbox_purged_objects_total",
        .help = "Objects that were deleted from storage: of ended sessions, and replaced ones." },
    [METRIC_PURGED_BYTES] = { .name = "sandbox_purged_bytes_total",
        .help = "Size of the files that ended sessions still had." },
    [METRIC_PURGE_FAILURES] = { .name = "sandbox_purge_failures_total",
        .help = "Deletions that storage refused or did not answer; they are tried again." },
    [METRIC_TRANSFERS] = { .name = "sandbox_transfers_total", .axes = { { two, label_direction }, { count_ends, label_end } }, .sparse = true,
        .help = "Times that files were moved into or out of a sandbox, by how that ended." },
    [METRIC_TRANSFER_FILES] = { .name = "sandbox_transfer_files_total", .axes = { { two, label_direction } },
        .help = "Files that were moved." },
    [METRIC_TRANSFER_BYTES] = { .name = "sandbox_transfer_bytes_total", .axes = { { two, label_direction } },
        .help = "Their bytes." },
    [METRIC_TRANSFER_DURATION] = { .name = "sandbox_transfer_duration_seconds", .bounds_us = run_bounds, .axes = { { two, label_direction } },
        .help = "How long moving all files of one execution took, waiting for storage included." },
    [METRIC_UPLOADS] = { .name = "sandbox_uploads_total", .axes = { { count_uploads, label_upload } },
        .help = "Uploads to sessions that exist: stored, refused for what was sent, or failed for a fault of ours." },
    [METRIC_UPLOAD_BYTES] = { .name = "sandbox_upload_bytes_total",
        .help = "Size of the files that were uploaded and stored." },
    [METRIC_PROBES] = { .name = "sandbox_probes_total", .axes = { { count_probes, label_probe } },
        .help = "Questions for an executor's health, by what came back." },
    [METRIC_REPLACEMENTS] = { .name = "sandbox_replacements_total", .axes = { { count_causes, label_cause } },
        .help = "Sessions that got another container because theirs died, by what it died of." },
    [METRIC_WEBHOOKS] = { .name = "sandbox_webhooks_total", .axes = { { two, label_webhook } },
        .help = "Webhooks that came to an end: delivered, or given up." },
    [METRIC_WEBHOOK_FAILURES] = { .name = "sandbox_webhook_failed_tries_total",
        .help = "Tries to deliver a webhook that failed, the last ones of those given up included." },
    [METRIC_DISPATCH] = { .name = "sandbox_dispatch_step_seconds", .bounds_us = step_bounds, .axes = { { count_dispatch, label_dispatch } },
        .help = "What an execution waits for besides its code: being claimed, its executor, being stored." },
};
static const struct metrics_table table = { metrics, COUNT(metrics) };

static char *directory_of(const struct settings *settings, const char *name)
{
    struct strbuf path = STRBUF_INIT(4096);
    strbuf_addf(&path, "%s/%s", settings->metrics.directory, name);
    return strbuf_steal(&path);
}

struct metrics *metrics_service_open(const struct settings *settings, const char *name, struct err *err)
{
    if (!settings->metrics.directory[0])
        return NULL;
    cleanup_free char *directory = directory_of(settings, name);
    if (directory)
        return metrics_open(directory, "service", &table, err);
    err_internal(err, 0, "out of memory for metrics");
    return NULL;
}

void metrics_executions_ended(struct metrics *counters, enum language language, enum execution_status status,
                              uint64_t count)
{
    metrics_add(counters, METRIC_EXECUTIONS, language, (size_t)status - EXECUTION_COMPLETED, count);
}

void metrics_execution_done(struct metrics *counters, enum language language, enum execution_status status,
                            const struct execution_outcome *outcome)
{
    metrics_executions_ended(counters, language, status, 1);
    double ms = outcome->duration_ms; /* an executor's word: whatever it is, it must fit */
    if (outcome->has_exit_code)
        metrics_observe(counters, METRIC_EXECUTION_DURATION, language, 0,
                        ms > 0 && ms < DURATION_MS_MAX ? (int64_t)(ms * US_IN_MS) : 0);
}

void metrics_job_failed(struct metrics *counters, const char *job)
{
    for (size_t i = 0; i < HEALTH_JOBS; i++)
        if (strcmp(health_job(i), job) == 0)
            metrics_add(counters, METRIC_JOB_STEPS_FAILED, i, 0, 1);
}

int metrics_service_counters(const struct context *context, struct strbuf *out, struct err *err)
{
    static const char started[] = "sandbox_metrics_start_time_seconds";
    cleanup_metrics_values struct metrics_values *values = metrics_values_new(&table, err);
    if (!values)
        return -1;
    metrics_add_header(out, started, "gauge", "Since when a program's counters count, in seconds since 1970.");
    for (size_t i = 0; i < PROGRAMS; i++) {
        cleanup_free char *directory = directory_of(context->settings, program(i));
        cleanup_strbuf struct strbuf label = STRBUF_INIT(256);
        int64_t since_ms = 0;
        if (!directory || metrics_values_add(values, directory, "service", &since_ms) != 0)
            continue;
        metrics_add_label(&label, "program", program(i));
        metrics_add_sample(out, started, strbuf_str(&label), (double)since_ms / 1000);
    }
    metrics_values_text(values, out);
    return 0;
}
