/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-pool: keeps warm containers waiting, as many of each template as it asks for. */
#include <errno.h>

#include "jobs/job_context.h"
#include "jobs/job_main.h"
#include "lib/service/pool.h"

enum { INTERVAL_MS = 2000 };

static const char *address(const struct settings *settings)
{
    return settings->doorbell.pool;
}

static int pool_open(struct job *job, struct err *err)
{
    job->state = calloc(1, sizeof(struct pool));
    return job->state ? 0 : err_internal(err, ENOMEM, "starting");
}

static enum job_step pool_step(struct job *job, struct err *err)
{
    struct context context;
    if (!job->due && !job->rung)
        return JOB_STEP_IDLE;
    job_context(job, &context);
    return pool_pass(job->state, &context, job_report, err) == 0 ? JOB_STEP_IDLE : JOB_STEP_FAILED;
}

static void pool_close(struct job *job)
{
    free(job->state);
}

static const struct job_definition pool = {
    .name = "pool",
    .summary = "Keeps the pool of warm sandboxes filled and fresh.",
    .interval_ms = INTERVAL_MS,
    .one_of_all = true,
    .doorbell = address,
    .open = pool_open,
    .step = pool_step,
    .close = pool_close,
};

int main(int argc, char **argv)
{
    return job_run(&pool, argc, argv);
}
