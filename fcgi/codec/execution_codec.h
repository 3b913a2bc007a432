/* SPDX-License-Identifier: Apache-2.0 */
/* Executions and their results as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_EXECUTION_CODEC_H
#define SANDBOX_FCGI_CODEC_EXECUTION_CODEC_H

#include "lib/service/executions.h"
#include "lib/util/json.h"

/* The body of POST /sessions/{id}/execute. The event is kept byte for byte. ERR_INVALID names the field; *out is empty then. */
int execution_request_decode(const char *text, size_t len, struct execution_request *out,
                             struct err *err) must_use;

/* {execution_id, status: "submitted", submitted_at} */
struct json_object *execution_submitted_encode(const struct execution *execution) must_use;
/* The answer of /status. */
struct json_object *execution_status_encode(const struct execution *execution) must_use;
/* {execution_id, status} */
struct json_object *execution_cancelled_encode(const struct execution *execution) must_use;
/* The result of a final execution; {execution_id, status} of any other. */
struct json_object *execution_result_encode(const struct execution *execution) must_use;
/* Summary, code and result (null while there is none). */
struct json_object *execution_encode(const struct execution *execution) must_use;
struct json_object *execution_list_encode(const struct execution_list *list) must_use;

#endif
