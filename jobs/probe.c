/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-probe: asks the executors of its host's sandboxes whether they are healthy, and notices nodes that are not heard of. */
#include <errno.h>

#include "jobs/job_context.h"
#include "jobs/job_main.h"
#include "lib/service/probe.h"

enum { INTERVAL_MS = 10000, SILENCE_MS = 10000 };

struct probing {
    struct context context;
    struct probe *probe;
};

static int keep_alive(void *arg, struct err *err)
{
    return job_keep_alive(arg, err);
}

static void close_probe(struct job *job)
{
    struct probing *probing = job->state;
    probe_free(probing->probe);
    free(probing);
}

static int open_probe(struct job *job, struct err *err)
{
    struct probing *probing = calloc(1, sizeof(*probing));
    job->state = probing;
    if (!probing)
        return err_internal(err, ENOMEM, "starting");
    job_context(job, &probing->context);
    const struct probe_config config = { .context = &probing->context, .report = job_report, .beat = keep_alive, .arg = job };
    probing->probe = probe_new(&config, err);
    return probing->probe ? 0 : -1;
}

static enum job_step probe_step(struct job *job, struct err *err)
{
    struct probing *probing = job->state;
    struct probe_done done;
    if (!job->due)
        return JOB_STEP_IDLE;
    if (probe_pass(probing->probe, &done, err) != 0)
        return job_stopping(job) ? JOB_STEP_IDLE : JOB_STEP_FAILED;
    if (done.missed || done.suspects || done.offline) /* all being well is no news */
        job_did(job, "asked", done.asked);
    job_did(job, "missed", done.missed);
    job_did(job, "suspects", done.suspects);
    job_did(job, "nodes_offline", done.offline);
    return JOB_STEP_IDLE;
}

static const struct job_definition probe = {
    .name = "probe",
    .summary = "Asks this host's sandboxes whether they are healthy, and notices nodes that are not heard of.",
    .interval_ms = INTERVAL_MS,
    .silence_ms = SILENCE_MS,
    .one_a_node = true,
    .open = open_probe,
    .step = probe_step,
    .close = close_probe,
};

int main(int argc, char **argv)
{
    return job_run(&probe, argc, argv);
}
