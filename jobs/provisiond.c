/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-provisiond: a host's agent. Creates and removes the containers of the nodes that it serves, says what they offer, keeps engines
 * and database in agreement. */
#include <errno.h>

#include "jobs/job_main.h"
#include "jobs/provision_nodes.h"
#include "lib/model/limits.h"
#include "lib/service/served_settings.h"

struct provisiond {
    char node_id[NODE_ID_SIZE];
    struct provision_config config;
    struct provision_nodes *nodes;
};

static const char *address(const struct settings *settings)
{
    return settings->doorbell.provisiond;
}

static void provisiond_close(struct job *job)
{
    struct provisiond *state = job->state;
    provision_nodes_free(state->nodes);
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
    state->nodes = provision_nodes_new(&state->config, job->once, err);
    return state->nodes ? 0 : -1;
}

static enum job_step provisiond_step(struct job *job, struct err *err)
{
    struct provisiond *state = job->state;
    if (provision_nodes_look(state->nodes, !job->once && (job->rung || job->due), job->rung, err) != 0)
        return JOB_STEP_FAILED;
    return provision_nodes_busy(state->nodes) ? JOB_STEP_BUSY : JOB_STEP_IDLE;
}

static const struct job_definition provisiond = {
    .name = "provisiond",
    .summary = "Creates and removes the sandboxes of the nodes that it serves, and says what they offer.",
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
