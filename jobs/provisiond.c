/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-provisiond: a node's agent. Creates and removes its containers, says what the node offers, keeps engine and database in
 * agreement. */
#include <errno.h>

#include "jobs/job_main.h"
#include "jobs/provision_meter.h"
#include "jobs/provision_workers.h"
#include "lib/model/limits.h"
#include "lib/service/node_agent.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"

enum { RECONCILE_MS = 30000 };

struct provisiond {
    char node_id[NODE_ID_SIZE];
    struct provision_config config;
    struct node_agent *agent;
    struct provisioner *provisioner; /* of the main thread: compares only */
    struct provision_workers *workers; /* NULL until the first step has cleared up */
    struct provision_meter *meter;     /* likewise; NULL also with --once */
    int64_t beat_due_ms, reconcile_due_ms;
};

static const char *address(const struct settings *settings)
{
    return settings->doorbell.provisiond;
}

static void provisiond_close(struct job *job)
{
    struct provisiond *state = job->state;
    provision_meter_stop(state->meter);
    provision_workers_stop(state->workers);
    provision_free(state->provisioner);
    node_agent_free(state->agent);
    free(state);
}

static int provisiond_open(struct job *job, struct err *err)
{
    struct provisiond *state = calloc(1, sizeof(*state));
    if (!state)
        return err_internal(err, ENOMEM, "starting");
    job->state = state;
    node_own_id(job->settings, state->node_id);
    state->config = (struct provision_config){
        .db = job->db,
        .settings = job->settings,
        .node_id = state->node_id,
        .claimed_by = job->instance,
        .doorbell = job->doorbell,
        .report = job_report,
        .metrics = job->metrics,
    };
    state->agent = node_agent_new(job->db, job->settings, job_report, err);
    state->provisioner = state->agent ? provision_new(&state->config, err) : NULL;
    return state->provisioner ? 0 : -1;
}

static int beat_node(struct provisiond *state, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < state->beat_due_ms)
        return 0;
    if (node_agent_beat(state->agent, err) != 0)
        return -1;
    state->beat_due_ms = now + NODE_BEAT_MS;
    return 0;
}

static int reconcile(struct provisiond *state, struct err *err)
{
    int64_t now = clock_mono_ms();
    if (now < state->reconcile_due_ms)
        return 0;
    if (provision_reconcile(state->provisioner, err) != 0)
        return -1;
    state->reconcile_due_ms = now + RECONCILE_MS;
    if (state->workers)
        provision_workers_wake(state->workers, true); /* it may have ordered removals */
    return 0;
}

/* What an earlier process left is cleared up before anything new is begun. */
static int start_workers(struct provisiond *state, bool once, struct err *err)
{
    if (!state->workers) {
        if (provision_recover(state->config.db, state->config.claimed_by, err) != 0)
            return -1;
        state->workers = provision_workers_start(&state->config, err);
    }
    if (state->workers && !once && !state->meter)
        state->meter = provision_meter_start(&state->config, err);
    return state->workers && (once || state->meter) ? 0 : -1;
}

static enum job_step provisiond_step(struct job *job, struct err *err)
{
    struct provisiond *state = job->state;
    if (state->workers && !job->once && (job->rung || job->due))
        provision_workers_wake(state->workers, job->rung);
    if (beat_node(state, err) != 0 || reconcile(state, err) != 0 || start_workers(state, job->once, err) != 0)
        return JOB_STEP_FAILED;
    return provision_workers_busy(state->workers) ? JOB_STEP_BUSY : JOB_STEP_IDLE;
}

static const struct job_definition provisiond = {
    .name = "provisiond",
    .summary = "Creates and removes this node's sandboxes and says what the node offers.",
    .interval_ms = DOORBELL_FALLBACK_MS,
    .one_a_node = true,
    .doorbell = address,
    .open = provisiond_open,
    .step = provisiond_step,
    .close = provisiond_close,
};

int main(int argc, char **argv)
{
    return job_run(&provisiond, argc, argv);
}
