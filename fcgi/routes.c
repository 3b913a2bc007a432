/* SPDX-License-Identifier: Apache-2.0 */
/* The routes, one row each. */
#include "fcgi/call.h"
#include "fcgi/router.h"
#include "lib/model/workspace.h"

#define API "/api/v1"
#define INTERNAL API "/internal"
#define PAGE "limit|offset"
#define NO_BODY BODY_NONE, 0, AHEAD_NOTHING
#define LOOK_UP(what) BODY_NONE, 0, AHEAD_##what /* no body, and this ahead */
#define JSON(limit) BODY_JSON, (limit), AHEAD_NOTHING
#define STREAM(limit) BODY_STREAM, (limit), AHEAD_NOTHING

enum { REPORT_MAX = 64 * 1024 };

const struct route route_table[] = {
    { "POST", API "/sessions", sessions_create, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, JSON(REQUEST_BODY_MAX),
      "Create a session" },
    { "GET", API "/sessions", sessions_list, ACCESS_SCOPE, SCOPE_SESSIONS,
      "status|template_id|label.*|" PAGE, LOOK_UP(TOKEN), "List sessions" },
    { "GET", API "/sessions/{id}", sessions_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, LOOK_UP(SESSION),
      "Look at a session" },
    { "POST", API "/sessions/{id}/renew", sessions_renew, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, JSON(REQUEST_BODY_MAX),
      "Let a session run longer" },
    { "DELETE", API "/sessions/{id}", sessions_delete, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, NO_BODY,
      "End a session" },
    { "POST", API "/sessions/{id}/execute", executions_submit, ACCESS_SCOPE, SCOPE_SESSIONS, "wait|trace",
      JSON(REQUEST_BODY_MAX), "Submit an execution" },
    { "POST", API "/sessions/{id}/execute-sync", executions_submit_sync, ACCESS_SCOPE, SCOPE_SESSIONS,
      "trace", JSON(REQUEST_BODY_MAX), "Execute and wait for the result" },
    { "GET", API "/sessions/{id}/executions", executions_of_session, ACCESS_SCOPE, SCOPE_SESSIONS,
      "status|" PAGE, NO_BODY, "List the executions of a session" },
    { "GET", API "/sessions/{id}/files", files_list, ACCESS_SCOPE, SCOPE_SESSIONS, "prefix|" PAGE, NO_BODY, "List the files of a session" },
    { "GET", API "/sessions/{id}/files/{path...}", files_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, NO_BODY, "Download a file" },
    { "DELETE", API "/sessions/{id}/files/{path...}", files_delete, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, NO_BODY, "Delete a file" },
    { "POST", API "/sessions/{id}/files/upload", files_upload, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, STREAM(FORM_BODY_MAX),
      "Upload a file" },
    { "GET", API "/executions/{id}", executions_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, LOOK_UP(TOKEN),
      "Look at an execution, with its code and result" },
    { "GET", API "/executions/{id}/status", executions_status, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, LOOK_UP(TOKEN),
      "Look at the status of an execution" },
    { "GET", API "/executions/{id}/result", executions_result, ACCESS_SCOPE, SCOPE_SESSIONS, "wait|trace", NO_BODY,
      "Fetch the result of an execution" },
    { "POST", API "/executions/{id}/cancel", executions_cancel, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, NO_BODY,
      "Cancel an execution" },
    { "POST", INTERNAL "/executions/{id}/status", internal_status, ACCESS_CONTAINER, 0, NULL, JSON(REPORT_MAX),
      "An executor says that it runs an execution" },
    { "POST", INTERNAL "/executions/{id}/heartbeat", internal_heartbeat, ACCESS_CONTAINER, 0, NULL, JSON(REPORT_MAX),
      "An executor says that it still runs an execution" },
    { "POST", INTERNAL "/executions/{id}/result", internal_result, ACCESS_CONTAINER, 0, NULL, JSON(RESULT_BODY_MAX),
      "An executor reports a result" },
    { "POST", INTERNAL "/executions/{id}/artifacts", internal_artifacts, ACCESS_CONTAINER, 0, NULL, JSON(REQUEST_BODY_MAX),
      "An executor reports artifacts" },
    { "POST", INTERNAL "/sessions/{id}/container_ready", internal_container_ready, ACCESS_CONTAINER, 0, NULL, JSON(REPORT_MAX),
      "A container says that it is ready" },
    { "POST", INTERNAL "/sessions/{id}/container_exited", internal_container_exited, ACCESS_CONTAINER, 0, NULL, JSON(REPORT_MAX),
      "A container says that it ends" },
    { "GET", API "/templates", templates_list, ACCESS_TOKEN, 0, PAGE, LOOK_UP(TOKEN), "List templates" },
    { "GET", API "/templates/{id}", templates_get, ACCESS_TOKEN, 0, NULL, LOOK_UP(TOKEN), "Look at a template" },
    { "POST", API "/templates", templates_create, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, JSON(REQUEST_BODY_MAX), "Create a template" },
    { "PUT", API "/templates/{id}", templates_update, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, JSON(REQUEST_BODY_MAX),
      "Change a template" },
    { "DELETE", API "/templates/{id}", templates_delete, ACCESS_SCOPE, SCOPE_TEMPLATES, NULL, NO_BODY, "Delete a template" },
    { "GET", API "/containers", containers_list, ACCESS_SCOPE, SCOPE_SESSIONS, "status|runtime_type|template_id|" PAGE, LOOK_UP(TOKEN),
      "List containers" },
    { "GET", API "/containers/{id}", containers_get, ACCESS_SCOPE, SCOPE_SESSIONS, NULL, LOOK_UP(TOKEN), "Look at a container" },
    { "GET", API "/containers/{id}/logs", containers_logs, ACCESS_SCOPE, SCOPE_SESSIONS, "tail|since", NO_BODY,
      "Read the log of a container" },
    { "GET", API "/nodes", nodes_list, ACCESS_SCOPE, SCOPE_ADMIN, NULL, NO_BODY, "List nodes" },
    { "PUT", API "/nodes/{id}", nodes_update, ACCESS_SCOPE, SCOPE_ADMIN, NULL, JSON(REQUEST_BODY_MAX),
      "Take a node out of service, or back" },
    { "GET", API "/health", health_get, ACCESS_OPEN, 0, NULL, NO_BODY, "Whether the service works" },
    { "GET", API "/health/detailed", health_detailed, ACCESS_TOKEN, 0, NULL, NO_BODY,
      "How each part of the service is" },
    { "GET", API "/metrics", metrics_get, ACCESS_SCOPE, SCOPE_ADMIN, NULL, NO_BODY, "Read the metrics" },
    { "GET", "/metrics", metrics_get, ACCESS_SCOPE, SCOPE_ADMIN, NULL, NO_BODY, "Read the metrics" },
    { "GET", "/health", health_get, ACCESS_OPEN, 0, NULL, NO_BODY, "Whether the service works" },
    { "GET", "/health/detailed", health_detailed, ACCESS_TOKEN, 0, NULL, NO_BODY,
      "How each part of the service is" },
};
const size_t route_count = sizeof(route_table) / sizeof(route_table[0]);
