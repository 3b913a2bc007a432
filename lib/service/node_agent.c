/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own row, kept true. */
#include "lib/service/node_agent.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "lib/repo/engine_repo.h"
#include "lib/repo/image_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/service/served_settings.h"

enum { MEBI_SHIFT = 20 };

struct node_agent {
    struct db *db;
    const struct settings *settings;
    report_fn report;
    struct runtime *runtime;
    struct node node;
    bool added;
    char own[NODE_ID_SIZE]; /* the host's node */
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

static void capacity_of_engine(struct node_agent *agent, const struct runtime_info *info)
{
    const struct node_settings *settings = &agent->settings->node;
    struct node *node = &agent->node;
    node->cpu_milli = node->cpu_limit_milli ? node->cpu_limit_milli : info->cpus * 1000 * settings->overcommit / 100;
    node->memory_mb = node->memory_limit_mb ? node->memory_limit_mb : info->memory_mb * settings->overcommit / 100;
    node->max_containers = node->containers_limit ? node->containers_limit : settings->max_containers;
}

static void take_row(struct node_agent *agent, const struct node *added)
{
    struct node *node = &agent->node;
    agent->added = true;
    memcpy(node->id, added->id, sizeof(node->id));
    node->runtime_type = RUNTIME_DOCKER;
    node->cpu_limit_milli = added->cpu_limit_milli;
    node->memory_limit_mb = added->memory_limit_mb;
    node->containers_limit = added->containers_limit;
}

struct node_agent *node_agent_new(struct db *db, const struct settings *settings, const struct node *added, report_fn report,
                                  struct err *err)
{
    struct node_agent *agent = calloc(1, sizeof(*agent));
    if (!agent) {
        err_internal(err, ENOMEM, "making the node's agent");
        return NULL;
    }
    agent->db = db;
    agent->settings = settings;
    agent->report = report;
    node_own_id(settings, agent->own);
    if (added) {
        take_row(agent, added);
        return agent;
    }
    memcpy(agent->node.id, agent->own, sizeof(agent->node.id));
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
    if (agent->added)
        capacity_of_engine(agent, info);
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
                      NULL, agent->added ? "node_id" : "isolation", agent->added ? agent->node.id : agent->node.isolation);
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
    if (agent->added)
        return engine_repo_beat(agent->db, &agent->node, agent->own, err);
    if (engine_repo_check_own(agent->db, agent->own, err) != 0)
        return -1;
    return node_repo_beat(agent->db, &agent->node, err);
}

int node_agent_images(struct node_agent *agent, struct err *err)
{
    struct err ignored = ERR_INIT; /* the beat says it */
    cleanup(runtime_images_release) struct runtime_images images = { 0 };
    struct runtime *runtime = node_agent_runtime(agent, &ignored);
    if (!runtime || runtime_images(runtime, &images, &ignored) != 0)
        return 0;
    struct string_list list = { .items = images.names, .count = images.count };
    return image_repo_store(agent->db, agent->node.id, &list, err);
}
