/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-dispatchd: brings executions to their sandboxes and their results to the database. */
#include <sys/resource.h>

#include "jobs/job_main.h"
#include "lib/model/limits.h"
#include "lib/service/dispatch.h"

enum {
    FLIGHTS_MAX = 4096,
    SAY_MS = 60000,
    FILES_SPARE = 128, /* descriptors for everything but streams */
};

static const char *address(const struct settings *settings)
{
    return settings->doorbell.dispatchd;
}

/* Every stream is a descriptor. */
static size_t flights_max(void)
{
    struct rlimit files = { .rlim_cur = 1024 };
    getrlimit(RLIMIT_NOFILE, &files);
    rlim_t usable = files.rlim_cur > 2 * FILES_SPARE ? files.rlim_cur - FILES_SPARE : FILES_SPARE;
    return usable < FLIGHTS_MAX ? (size_t)usable : FLIGHTS_MAX;
}

static int dispatchd_open(struct job *job, struct err *err)
{
    const struct dispatch_config config = {
        .db = job->db,
        .settings = job->settings,
        .claimed_by = job->instance,
        .doorbell = job->doorbell,
        .address = job->bell,
        .flights_max = flights_max(),
        .report = job_report,
        .metrics = job->metrics,
    };
    job->state = dispatch_new(&config, err);
    return job->state ? 0 : -1;
}

static bool dispatchd_hear(struct job *job, const char *text)
{
    return dispatch_hear(job->state, text);
}

static void note_done(struct job *job)
{
    struct dispatch_done done;
    dispatch_take_done(job->state, &done);
    for (int i = 0; i < EXECUTION_STATUSES; i++)
        job_did(job, execution_status_name((enum execution_status)i), done.ended[i]);
    job_did(job, "retried", done.retried);
}

static enum job_step dispatchd_step(struct job *job, struct err *err)
{
    int status = dispatch_step(job->state, job->rung || job->due, err);
    note_done(job);
    if (status != 0)
        return JOB_STEP_FAILED;
    return dispatch_busy(job->state) ? JOB_STEP_BUSY : JOB_STEP_IDLE;
}

static int dispatchd_wait(struct job *job, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err)
{
    return dispatch_wait(job->state, fds, count, timeout_ms, err);
}

static void dispatchd_close(struct job *job)
{
    dispatch_free(job->state);
}

static const struct job_definition dispatchd = {
    .name = "dispatchd",
    .summary = "Sends executions to their sandboxes and stores what comes of them.",
    .interval_ms = DOORBELL_FALLBACK_MS,
    .say_ms = SAY_MS,
    .doorbell = address,
    .hear = dispatchd_hear,
    .open = dispatchd_open,
    .step = dispatchd_step,
    .wait = dispatchd_wait,
    .close = dispatchd_close,
};

int main(int argc, char **argv)
{
    return job_run(&dispatchd, argc, argv);
}
