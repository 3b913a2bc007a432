/* SPDX-License-Identifier: Apache-2.0 */
/* State names and legal transitions, one table each. */
#include "lib/model/states.h"

#include <stddef.h>
#include <string.h>

static const char *const session_names[SESSION_STATUSES] = {
    [SESSION_CREATING] = "creating",     [SESSION_RUNNING] = "running",
    [SESSION_TERMINATED] = "terminated", [SESSION_TIMEOUT] = "timeout",
    [SESSION_FAILED] = "failed",
};

static const char *const container_names[CONTAINER_STATUSES] = {
    [CONTAINER_CREATING] = "creating", [CONTAINER_WARM] = "warm",
    [CONTAINER_RUNNING] = "running",   [CONTAINER_DELETING] = "deleting",
    [CONTAINER_DELETED] = "deleted",
};

static const char *const execution_names[EXECUTION_STATUSES] = {
    [EXECUTION_PENDING] = "pending", [EXECUTION_RUNNING] = "running",
    [EXECUTION_COMPLETED] = "completed", [EXECUTION_FAILED] = "failed",
    [EXECUTION_TIMEOUT] = "timeout", [EXECUTION_CRASHED] = "crashed",
    [EXECUTION_CANCELLED] = "cancelled",
};

static const char *const language_names[LANGUAGES] = {
    [LANGUAGE_PYTHON] = "python",
    [LANGUAGE_JAVASCRIPT] = "javascript",
    [LANGUAGE_SHELL] = "shell",
};

static const char *const runtime_names[RUNTIME_TYPES] = {
    [RUNTIME_PROCESS] = "process",
    [RUNTIME_DOCKER] = "docker",
    [RUNTIME_KUBERNETES] = "kubernetes",
};

#define BIT(state) (1u << (state))

/* Row: from; bits: to. */
static const unsigned session_changes[SESSION_STATUSES] = {
    [SESSION_CREATING] = BIT(SESSION_RUNNING) | BIT(SESSION_TERMINATED) | BIT(SESSION_TIMEOUT) |
                         BIT(SESSION_FAILED),
    [SESSION_RUNNING] = BIT(SESSION_CREATING) | BIT(SESSION_TERMINATED) | BIT(SESSION_TIMEOUT) | BIT(SESSION_FAILED),
};

static const unsigned container_changes[CONTAINER_STATUSES] = {
    [CONTAINER_CREATING] = BIT(CONTAINER_WARM) | BIT(CONTAINER_RUNNING) | BIT(CONTAINER_DELETING),
    [CONTAINER_WARM] = BIT(CONTAINER_RUNNING) | BIT(CONTAINER_DELETING),
    [CONTAINER_RUNNING] = BIT(CONTAINER_DELETING),
    [CONTAINER_DELETING] = BIT(CONTAINER_DELETED),
};

static const unsigned execution_changes[EXECUTION_STATUSES] = {
    [EXECUTION_PENDING] = BIT(EXECUTION_RUNNING) | BIT(EXECUTION_COMPLETED) |
                          BIT(EXECUTION_FAILED) | BIT(EXECUTION_TIMEOUT) |
                          BIT(EXECUTION_CRASHED) | BIT(EXECUTION_CANCELLED),
    [EXECUTION_RUNNING] = BIT(EXECUTION_PENDING) | BIT(EXECUTION_COMPLETED) |
                          BIT(EXECUTION_FAILED) | BIT(EXECUTION_TIMEOUT) |
                          BIT(EXECUTION_CRASHED) | BIT(EXECUTION_CANCELLED),
};

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *session_status_name(enum session_status status)
{
    return session_names[status];
}

const char *container_status_name(enum container_status status)
{
    return container_names[status];
}

const char *execution_status_name(enum execution_status status)
{
    return execution_names[status];
}

const char *execution_outcome_name(enum execution_status status)
{
    return status == EXECUTION_COMPLETED ? "success" : execution_names[status];
}

const char *language_name(enum language language)
{
    return language_names[language];
}

const char *runtime_type_name(enum runtime_type type)
{
    return runtime_names[type];
}

int session_status_parse(const char *name)
{
    return find(session_names, SESSION_STATUSES, name);
}

int container_status_parse(const char *name)
{
    return find(container_names, CONTAINER_STATUSES, name);
}

int execution_status_parse(const char *name)
{
    return find(execution_names, EXECUTION_STATUSES, name);
}

int language_parse(const char *name)
{
    return find(language_names, LANGUAGES, name);
}

int runtime_type_parse(const char *name)
{
    return find(runtime_names, RUNTIME_TYPES, name);
}

bool session_status_final(enum session_status status)
{
    return session_changes[status] == 0;
}

bool execution_status_final(enum execution_status status)
{
    return execution_changes[status] == 0;
}

bool session_may_change(enum session_status from, enum session_status to)
{
    return session_changes[from] & BIT(to);
}

bool container_may_change(enum container_status from, enum container_status to)
{
    return container_changes[from] & BIT(to);
}

bool execution_may_change(enum execution_status from, enum execution_status to)
{
    return execution_changes[from] & BIT(to);
}
