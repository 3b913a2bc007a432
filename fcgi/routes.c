/* SPDX-License-Identifier: Apache-2.0 */
/* The routes, one row each. */
#include "fcgi/call.h"
#include "fcgi/router.h"

#define API "/api/v1"
#define INTERNAL API "/internal"
#define PAGE "limit|offset"

enum { REPORT_MAX = 64 * 1024 };

const struct route route_table[] = {
    { "POST", API "/sessions", sessions_create, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, REQUEST_BODY_MAX,
      "Create a session" },
    { "GET", API "/sessions", sessions_list, ACCESS_SCOPE, SCOPE_SESSIONS,
      "status|template_id|label.*|" PAGE, 0, "List sessions" },
    { "GET", API "/sessions/{id}", sessions_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0,
      "Look at a session" },
    { "POST", API "/sessions/{id}/renew", sessions_renew, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, REQUEST_BODY_MAX,
      "Let a session run longer" },
    { "DELETE", API "/sessions/{id}", sessions_delete, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0,
      "End a session" },
    { "POST", API "/sessions/{id}/execute", executions_submit, ACCESS_SCOPE, SCOPE_SESSIONS, "wait",
      REQUEST_BODY_MAX, "Submit an execution" },
    { "POST", API "/sessions/{id}/execute-sync", executions_submit_sync, ACCESS_SCOPE, SCOPE_SESSIONS,
      NULL, REQUEST_BODY_MAX, "Execute and wait for the result" },
    { "GET", API "/sessions/{id}/executions", executions_of_session, ACCESS_SCOPE, SCOPE_SESSIONS,
      "status|" PAGE, 0, "List the executions of a session" },
    { "GET", API "/executions/{id}", executions_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0,
      "Look at an execution, with its code and result" },
    { "GET", API "/executions/{id}/status", executions_status, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0,
      "Look at the status of an execution" },
    { "GET", API "/executions/{id}/result", executions_result, ACCESS_SCOPE, SCOPE_SESSIONS, "wait", 0,
      "Fetch the result of an execution" },
    { "POST", API "/executions/{id}/cancel", executions_cancel, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0,
      "Cancel an execution" },
    { "POST", INTERNAL "/executions/{id}/status", internal_status, ACCESS_CONTAINER, 0, NULL, REPORT_MAX,
      "An executor says that it runs an execution" },
    { "POST", INTERNAL "/executions/{id}/heartbeat", internal_heartbeat, ACCESS_CONTAINER, 0, NULL, REPORT_MAX,
      "An executor says that it still runs an execution" },
    { "POST", INTERNAL "/executions/{id}/result", internal_result, ACCESS_CONTAINER, 0, NULL, RESULT_BODY_MAX,
      "An executor reports a result" },
    { "POST", INTERNAL "/executions/{id}/artifacts", internal_artifacts, ACCESS_CONTAINER, 0, NULL, REQUEST_BODY_MAX,
      "An executor reports artifacts" },
    { "POST", INTERNAL "/sessions/{id}/container_ready", internal_container_ready, ACCESS_CONTAINER, 0, NULL, REPORT_MAX,
      "A container says that it is ready" },
    { "POST", INTERNAL "/sessions/{id}/container_exited", internal_container_exited, ACCESS_CONTAINER, 0, NULL, REPORT_MAX,
      "A container says that it ends" },
    { "GET", API "/templates", templates_list, ACCESS_TOKEN, 0, PAGE, 0, "List templates" },
    { "GET", API "/templates/{id}", templates_get, ACCESS_TOKEN, 0, NULL, 0, "Look at a template" },
    { "POST", API "/templates", templates_create, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, REQUEST_BODY_MAX, "Create a template" },
    { "PUT", API "/templates/{id}", templates_update, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, REQUEST_BODY_MAX,
      "Change a template" },
    { "DELETE", API "/templates/{id}", templates_delete, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, 0, "Delete a template" },
    { "GET", API "/containers", containers_list, ACCESS_SCOPE, SCOPE_SESSIONS, "status|runtime_type|template_id|" PAGE, 0,
      "List containers" },
    { "GET", API "/containers/{id}", containers_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, 0, "Look at a container" },
    { "GET", API "/containers/{id}/logs", containers_logs, ACCESS_SCOPE, SCOPE_SESSIONS, "tail|since", 0,
      "Read the log of a container" },
    { "GET", API "/nodes", nodes_list, ACCESS_SCOPE, SCOPE_ADMIN, NULL, 0, "List nodes" },
    { "PUT", API "/nodes/{id}", nodes_update, ACCESS_SCOPE, SCOPE_ADMIN, NULL, REQUEST_BODY_MAX,
      "Take a node out of service, or back" },
    { "GET", API "/health", health_get, ACCESS_OPEN, 0, NULL, 0, "Whether the service works" },
    { "GET", API "/health/detailed", health_detailed, ACCESS_TOKEN, 0, NULL, 0,
      "How each part of the service is" },
    { "GET", API "/metrics", metrics_get, ACCESS_SCOPE, SCOPE_ADMIN, NULL, 0, "Read the metrics" },
    { "GET", "/metrics", metrics_get, ACCESS_SCOPE, SCOPE_ADMIN, NULL, 0, "Read the metrics" },
    { "GET", "/health", health_get, ACCESS_OPEN, 0, NULL, 0, "Whether the service works" },
    { "GET", "/health/detailed", health_detailed, ACCESS_TOKEN, 0, NULL, 0,
      "How each part of the service is" },
};
const size_t route_count = sizeof(route_table) / sizeof(route_table[0]);
