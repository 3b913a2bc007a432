/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-webhookd: tells callback URLs that executions and sessions have ended. */
#include <errno.h>

#include "jobs/job_main.h"
#include "lib/service/delivery.h"
#include "lib/util/clock.h"

enum { INTERVAL_MS = 1000, TIDY_INTERVAL_MS = 60000 };

struct webhookd {
    struct deliverer *deliverer;
    int64_t tidy_due_ms;
};

static const char *address(const struct settings *settings)
{
    return settings->doorbell.webhookd;
}

static int webhookd_open(struct job *job, struct err *err)
{
    const struct delivery_config config = {
        .db = job->db,
        .settings = job->settings,
        .claimed_by = job->instance,
        .report = job_report,
        .metrics = job->metrics,
    };
    struct webhookd *state = calloc(1, sizeof(*state));
    job->state = state;
    if (!state)
        return err_internal(err, ENOMEM, "starting");
    state->deliverer = deliverer_new(&config, err);
    return state->deliverer ? 0 : -1;
}

static int tidy(struct webhookd *state, struct err *err)
{
    int64_t now = clock_mono_ms(), removed = 0;
    if (now < state->tidy_due_ms)
        return 0;
    if (deliverer_tidy(state->deliverer, &removed, err) != 0)
        return -1;
    if (removed > 0)
        log_event(LOG_LEVEL_INFO, "old webhooks removed", LOG_INT("rows", removed));
    state->tidy_due_ms = now + TIDY_INTERVAL_MS;
    return 0;
}

static enum job_step webhookd_step(struct job *job, struct err *err)
{
    struct webhookd *state = job->state;
    if (deliverer_step(state->deliverer, job->rung || job->due, err) != 0 || tidy(state, err) != 0)
        return JOB_STEP_FAILED;
    return deliverer_busy(state->deliverer) ? JOB_STEP_BUSY : JOB_STEP_IDLE;
}

static int webhookd_wait(struct job *job, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err)
{
    struct webhookd *state = job->state;
    return deliverer_wait(state->deliverer, fds, count, timeout_ms, err);
}

static void webhookd_close(struct job *job)
{
    struct webhookd *state = job->state;
    if (state)
        deliverer_free(state->deliverer);
    free(state);
}

static const struct job_definition webhookd = {
    .name = "webhookd",
    .summary = "Tells callback URLs that executions and sessions have ended.",
    .interval_ms = INTERVAL_MS,
    .doorbell = address,
    .open = webhookd_open,
    .step = webhookd_step,
    .wait = webhookd_wait,
    .close = webhookd_close,
};

int main(int argc, char **argv)
{
    return job_run(&webhookd, argc, argv);
}
