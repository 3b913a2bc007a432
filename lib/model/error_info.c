/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes as clients see them. */
#include "lib/model/error_info.h"

static const struct error_info table[ERR_CODES] = {
    [ERR_INVALID] = { "Sandbox.InvalidParameter", 400, false, "Invalid request parameter",
                      "Correct the field that the detail names and send the request again" },
    [ERR_UNAUTHORIZED] = { "Sandbox.Unauthorized", 401, false, "Missing or invalid access token",
                           "Send 'Authorization: Bearer TOKEN' with a token that is valid; "
                           "'sandboxctl token create' makes one" },
    [ERR_FORBIDDEN] = { "Sandbox.Forbidden", 403, false, "The access token lacks a scope",
                        "Use a token with the scope that the detail names" },
    [ERR_SESSION_NOT_FOUND] = { "Sandbox.SessionNotFound", 404, false, "Session not found",
                                "Please check the session_id" },
    [ERR_EXECUTION_NOT_FOUND] = { "Sandbox.ExecutionNotFound", 404, false, "Execution not found",
                                  "Please check the execution_id" },
    [ERR_TEMPLATE_NOT_FOUND] = { "Sandbox.TemplateNotFound", 404, false, "Template not found",
                                 "Please check the template_id; GET /templates lists them" },
    [ERR_CONTAINER_NOT_FOUND] = { "Sandbox.ContainerNotFound", 404, false, "Container not found",
                                  "Please check the container_id" },
    [ERR_FILE_NOT_FOUND] = { "Sandbox.FileNotFound", 404, false, "File not found",
                             "Please check the path" },
    [ERR_NODE_NOT_FOUND] = { "Sandbox.NodeNotFound", 404, false, "Node not found",
                             "Please check the node id" },
    [ERR_NOT_FOUND] = { "Sandbox.NotFound", 404, false, "No such resource",
                        "Please check the path of the request" },
    [ERR_METHOD] = { "Sandbox.MethodNotAllowed", 405, false, "Method not allowed",
                     "Use one of the methods in the Allow header" },
    [ERR_MEDIA_TYPE] = { "Sandbox.UnsupportedMediaType", 415, false, "Unsupported media type",
                         "Send the body with the content type that the detail names" },
    [ERR_TOO_LARGE] = { "Sandbox.PayloadTooLarge", 413, false, "The request is too large",
                        "Send less; the detail names the limit" },
    [ERR_RANGE] = { "Sandbox.RangeNotSatisfiable", 416, false, "The file has no such range",
                    "Ask for bytes within the size that Content-Range names" },
    [ERR_CONFLICT] = { "Sandbox.Conflict", 409, false, "The current state does not allow this",
                       "Look at the current state and decide again" },
    [ERR_RATE_LIMITED] = { "Sandbox.RateLimited", 429, true, "Too many requests",
                           "Wait for the time in the Retry-After header" },
    [ERR_NO_ROOM] = { "Sandbox.TooManyRequestsExection", 503, true,
                      "No available sandbox (all nodes at capacity)",
                      "Terminate sessions that are no longer needed, or try again later" },
    [ERR_EXEC_EXCEPTION] = { "Sandbox.ExecException", 500, false, "Handler execution error",
                             "Look at the execution's stderr" },
    [ERR_EXEC_TIMEOUT] = { "Sandbox.ExecTimeout", 504, false, "Execution timeout",
                           "Give the execution a longer timeout" },
    [ERR_UNAVAILABLE] = { "Sandbox.ServiceUnavailable", 503, true, "A part of the service is not available",
                          "Try again after the time in the Retry-After header" },
    [ERR_UNCERTAIN] = { "Sandbox.ServiceUnavailable", 503, true,
                        "The outcome of the request is not known",
                        "Look at the current state before sending the request again" },
    [ERR_TIMEOUT] = { "Sandbox.ServiceUnavailable", 503, true, "A part of the service did not answer in time",
                      "Try again after the time in the Retry-After header" },
    [ERR_INTERNAL] = { "Sandbox.InternalError", 500, false, "Internal server error",
                       "Try again; if it happens again, report the request_id" },
};

const struct error_info *error_info(enum err_code code)
{
    if ((int)code < 0 || code >= ERR_CODES || !table[code].name)
        code = ERR_INTERNAL;
    return &table[code];
}

static const struct error_info internal_unauthorized = {
    "Internal.Unauthorized", 401, false, "Missing or invalid secret", "Send 'Authorization: Bearer SECRET' with the container's own secret"
};
static const struct error_info internal_execution = {
    "Internal.InvalidExecution", 404, false, "Not this container's", "Report only about the container's own session and its executions"
};
static const struct error_info internal_parameter = {
    "Internal.InvalidParameter", 400, false, "Invalid request parameter", "Correct the field that the detail names"
};
static const struct error_info internal_conflict = {
    "Internal.StateConflict", 409, false, "The current state does not allow this", "Stop: what was decided before stands"
};

const struct error_info *error_info_internal(enum err_code code)
{
    switch (code) {
    case ERR_UNAUTHORIZED:
    case ERR_FORBIDDEN:
        return &internal_unauthorized;
    case ERR_EXECUTION_NOT_FOUND:
    case ERR_SESSION_NOT_FOUND:
        return &internal_execution;
    case ERR_INVALID:
        return &internal_parameter;
    case ERR_CONFLICT:
        return &internal_conflict;
    default:
        return error_info(code);
    }
}
