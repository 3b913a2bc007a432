/* SPDX-License-Identifier: Apache-2.0 */
/* What executors report, as JSON. Decoders: ERR_INVALID names the field; encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_INTERNAL_CODEC_H
#define SANDBOX_FCGI_CODEC_INTERNAL_CODEC_H

#include "lib/service/callbacks.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"

/* {"status": "running"} */
int report_status_decode(const struct strbuf *body, struct err *err) must_use;
/* Nothing, or {}. */
int report_empty_decode(const struct strbuf *body, struct err *err) must_use;
/* {"artifacts": [paths]}; *json_out is malloc()ed. */
int report_artifacts_decode(const struct strbuf *body, char **json_out, struct err *err) must_use;
/* A result; outputs over their limit lose their middle, the return value is kept byte for byte. *out is to be released by
 * execution_outcome_release(&out->outcome) in any case. */
int report_result_decode(const struct strbuf *body, struct callback_result *out, struct err *err) must_use;
/* {"exit_code", "exit_reason"}, as a sentence for users. */
enum { EXIT_TEXT_SIZE = 128 };
int report_exit_decode(const struct strbuf *body, char out[EXIT_TEXT_SIZE], struct err *err) must_use;

/* {execution_id, status} */
struct json_object *report_execution_encode(const char *id, const char *status) must_use;
/* {session_id, status} */
struct json_object *report_session_encode(const char *id, enum session_status status) must_use;
/* {continue} */
struct json_object *report_continue_encode(bool go_on) must_use;
/* {execution_id, artifacts} */
struct json_object *report_artifacts_encode(const char *id, const char *json) must_use;

#endif
