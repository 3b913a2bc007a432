/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-reap: ends sessions whose time is over and those that could not start. */
#include "jobs/job_context.h"
#include "jobs/job_main.h"
#include "lib/service/reap.h"

enum { INTERVAL_MS = 1000 };

static enum job_step reap_step(struct job *job, struct err *err)
{
    struct context context;
    struct reap_done done;
    if (!job->due)
        return JOB_STEP_IDLE;
    job_context(job, &context);
    int status = reap_pass(&context, job_report, &done, err);
    job_did(job, "expired", done.expired);
    job_did(job, "idle", done.idle);
    job_did(job, "failed", done.failed);
    job_did(job, "rows", done.rows);
    job_did(job, "mended", done.mended);
    return status == 0 ? JOB_STEP_IDLE : JOB_STEP_FAILED;
}

static const struct job_definition reap = {
    .name = "reap",
    .summary = "Ends sessions whose time limit is reached and sessions that could not start.",
    .interval_ms = INTERVAL_MS,
    .one_of_all = true,
    .step = reap_step,
};

int main(int argc, char **argv)
{
    return job_run(&reap, argc, argv);
}
