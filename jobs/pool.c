/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-pool: keeps warm containers waiting, as many of each template as it asks for. */
#include <errno.h>

#include "jobs/job_context.h"
#include "jobs/job_main.h"
#include "lib/service/pool.h"

enum {
    INTERVAL_MS = 2000,
    SETTLE_MS = 50,
    SAY_MS = 10000,
};

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
    struct pool *state = job->state;
    int status = pool_pass(state, &context, job_report, err);
    job_did(job, "ordered", state->ordered);
    job_did(job, "removed", state->removed);
    return status == 0 ? JOB_STEP_IDLE : JOB_STEP_FAILED;
}

/* Claims come in bursts: refilling at the first would take the CPU from those that still wait for their answer. */
static int pool_wait(struct job *job, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err)
{
    (void)job, (void)err;
    if (poll(fds, count, timeout_ms) > 0 && count > 1 && fds[1].revents && !fds[0].revents)
        poll(fds, 1, SETTLE_MS);
    return 0;
}

static void pool_close(struct job *job)
{
    free(job->state);
}

static const struct job_definition pool = {
    .name = "pool",
    .summary = "Keeps the pool of warm sandboxes filled and fresh.",
    .interval_ms = INTERVAL_MS,
    .say_ms = SAY_MS,
    .one_of_all = true,
    .doorbell = address,
    .open = pool_open,
    .step = pool_step,
    .wait = pool_wait,
    .close = pool_close,
};

int main(int argc, char **argv)
{
    return job_run(&pool, argc, argv);
}
