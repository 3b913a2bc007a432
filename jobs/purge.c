/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-purge: removes what was kept long enough: files of ended sessions, replaced content, the audit trail. */
#include <errno.h>

#include "jobs/job_context.h"
#include "jobs/job_main.h"
#include "lib/service/purge.h"

enum { INTERVAL_MS = 60000, SILENCE_MS = 20000 };

static int purge_open(struct job *job, struct err *err)
{
    struct context *context = calloc(1, sizeof(*context));
    job->state = context;
    if (!context)
        return err_internal(err, ENOMEM, "starting");
    job_context(job, context);
    return context_open_storage(context, err);
}

static void purge_close(struct job *job)
{
    context_close_storage(job->state);
    free(job->state);
}

static int keep_alive(void *arg, struct err *err)
{
    return job_keep_alive(arg, err);
}

static void count(struct job *job, const struct purge_done *done)
{
    job_did(job, "sessions", done->sessions);
    job_did(job, "objects", done->objects);
    job_did(job, "bytes", done->bytes);
    job_did(job, "audit_entries", done->audit);
    job_did(job, "executions", done->executions);
    job_did(job, "session_rows", done->session_rows);
    job_did(job, "containers", done->containers);
    job_did(job, "rows", done->rows);
    job_did(job, "failures", done->failures);
}

static enum job_step purge_step(struct job *job, struct err *err)
{
    struct purge_watch watch = { .beat = keep_alive, .arg = job };
    struct purge_done done;
    if (!job->due)
        return JOB_STEP_IDLE;
    int status = purge_pass(job->state, &watch, job_report, &done, err);
    count(job, &done);
    return status == 0 || job_stopping(job) ? JOB_STEP_IDLE : JOB_STEP_FAILED;
}

static const struct job_definition purge = {
    .name = "purge",
    .summary = "Removes the files of ended sessions, replaced content and old entries of the audit trail.",
    .interval_ms = INTERVAL_MS,
    .one_of_all = true,
    .silence_ms = SILENCE_MS,
    .open = purge_open,
    .step = purge_step,
    .close = purge_close,
};

int main(int argc, char **argv)
{
    return job_run(&purge, argc, argv);
}
