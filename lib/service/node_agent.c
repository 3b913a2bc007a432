/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own row, kept true. */
#include "lib/service/node_agent.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "lib/repo/node_repo.h"
#include "lib/service/served_settings.h"

enum { MEBI_SHIFT = 20 };

struct node_agent {
    struct db *db;
    const struct settings *settings;
    report_fn report;
    struct runtime *runtime;
    struct node node;
    enum { UNKNOWN, WORKING, BROKEN } state; /* as it was reported last */
};

void node_agent_capacity(const struct node_settings *settings, struct node *out)
{
    struct sysinfo machine = { 0 };
    sysinfo(&machine);
    int64_t memory_mb = (int64_t)(((uint64_t)machine.totalram * machine.mem_unit) >> MEBI_SHIFT);
    int64_t cpu_milli = sysconf(_SC_NPROCESSORS_ONLN) * 1000;
    out->cpu_milli = settings->cpu_milli ? settings->cpu_milli : cpu_milli * settings->overcommit / 100;
    out->memory_mb = settings->memory_mb ? settings->memory_mb : memory_mb * settings->overcommit / 100;
    out->max_containers = settings->max_containers;
}

struct node_agent *node_agent_new(struct db *db, const struct settings *settings, report_fn report, struct err *err)
{
    struct node_agent *agent = calloc(1, sizeof(*agent));
    if (!agent) {
        err_internal(err, ENOMEM, "making the node's agent");
        return NULL;
    }
    agent->db = db;
    agent->settings = settings;
    agent->report = report;
    node_own_id(settings, agent->node.id);
    agent->node.runtime_type = (enum runtime_type)runtime_type_parse(settings->runtime.kind);
    node_agent_capacity(&settings->node, &agent->node);
    return agent;
}

void node_agent_free(struct node_agent *agent)
{
    if (!agent)
        return;
    runtime_free(agent->runtime);
    node_release(&agent->node);
    free(agent);
}

struct runtime *node_agent_runtime(struct node_agent *agent, struct err *err)
{
    if (!agent->runtime)
        agent->runtime = runtime_open(&agent->settings->runtime, err);
    return agent->runtime;
}

/* Into the node's row: what is in force, or why nothing works. */
static int look(struct node_agent *agent, struct runtime_info *info, struct err *err)
{
    struct runtime *runtime = node_agent_runtime(agent, err);
    return runtime ? runtime_info(runtime, info, err) : -1;
}

static int describe(struct node_agent *agent, const struct runtime_info *info, const struct err *problem)
{
    struct node *node = &agent->node;
    free(node->error);
    node->error = problem ? strdup(problem->text) : NULL;
    snprintf(node->status, sizeof(node->status), problem ? "offline" : "ready");
    if (problem)
        return node->error ? 0 : -1;
    free(node->isolation);
    node->isolation = strdup(info->isolation);
    node->isolation_weaker = info->weaker;
    return node->isolation ? 0 : -1;
}

static void report_change(struct node_agent *agent, const struct err *problem)
{
    if (problem && agent->state != BROKEN)
        agent->report(LOG_LEVEL_ERROR, "container engine does not work", problem, "node_id", agent->node.id);
    if (!problem && agent->state != WORKING)
        agent->report(agent->node.isolation_weaker ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                      agent->node.isolation_weaker ? "container engine works, with weaker isolation"
                                                   : "container engine works",
                      NULL, "isolation", agent->node.isolation);
    agent->state = problem ? BROKEN : WORKING;
}

int node_agent_beat(struct node_agent *agent, struct err *err)
{
    struct runtime_info info = { 0 };
    struct err problem = ERR_INIT;
    const struct err *broken = look(agent, &info, &problem) == 0 ? NULL : &problem;
    if (describe(agent, &info, broken) != 0)
        return err_internal(err, ENOMEM, "describing the node");
    report_change(agent, broken);
    return node_repo_beat(agent->db, &agent->node, err);
}
