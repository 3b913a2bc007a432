/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the decoders of JSON bodies: each gets every input. What is taken must be within its limits. */
#include "fcgi/codec/execution_codec.h"
#include "fcgi/codec/internal_codec.h"
#include "fcgi/codec/node_codec.h"
#include "fcgi/codec/session_codec.h"
#include "fcgi/codec/template_codec.h"
#include "lib/model/limits.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_refusal(int status, const struct err *err)
{
    if (status == 0)
        return;
    fuzz_require(err->code == ERR_INVALID || err->code == ERR_TOO_LARGE, "a refusal without a reason");
    fuzz_require(err->text[0] != '\0', "a refusal without words");
}

static void check_map(const char *json)
{
    fuzz_require(!json || json_strict_valid(json, strlen(json)), "a map that is no JSON");
}

static void session(const char *text, size_t len)
{
    struct session_request request;
    struct err err = ERR_INIT;
    int status = session_request_decode(text, len, &request, &err);
    check_refusal(status, &err);
    if (status == 0) {
        fuzz_require(template_id_valid(request.template_id), "a bad template");
        fuzz_require(request.timeout_s >= SESSION_TIMEOUT_MIN_S && request.timeout_s <= SESSION_TIMEOUT_MAX_S, "a bad timeout");
        fuzz_require(!request.resources.cpu_milli || (request.resources.cpu_milli >= CPU_MILLI_MIN && request.resources.cpu_milli <= CPU_MILLI_MAX),
                     "bad cpu");
        check_map(request.env_json);
        check_map(request.labels_json);
    }
    session_request_release(&request);
}

static void renewal(const char *text, size_t len)
{
    int64_t timeout_s = 0;
    struct err err = ERR_INIT;
    int status = session_renewal_decode(text, len, &timeout_s, &err);
    check_refusal(status, &err);
    fuzz_require(status != 0 || (timeout_s >= SESSION_TIMEOUT_MIN_S && timeout_s <= SESSION_TIMEOUT_MAX_S), "a bad timeout");
}

static void execution(const char *text, size_t len)
{
    struct execution_request request;
    struct err err = ERR_INIT;
    int status = execution_request_decode(text, len, &request, &err);
    check_refusal(status, &err);
    if (status == 0) {
        size_t code = strlen(request.code);
        fuzz_require(code > 0 && code <= CODE_BYTES_MAX && utf8_valid(request.code, code), "bad code");
        fuzz_require(request.timeout_s >= EXECUTION_TIMEOUT_MIN_S && request.timeout_s <= EXECUTION_TIMEOUT_MAX_S, "a bad timeout");
        fuzz_require(request.max_retries >= 0 && request.max_retries <= EXECUTION_RETRIES_MAX, "bad retries");
        fuzz_require(!request.event_json || json_strict_valid(request.event_json, strlen(request.event_json)), "an event that is no JSON");
        check_map(request.env_json);
    }
    execution_request_release(&request);
}

static void template(const char *text, size_t len)
{
    struct template_change change;
    struct err err = ERR_INIT;
    char id[TEMPLATE_ID_SIZE];
    int status = template_create_decode(text, len, id, &change, &err);
    check_refusal(status, &err);
    if (status == 0) {
        fuzz_require(template_id_valid(id), "a bad id");
        fuzz_require(change.name && *change.name && change.image && *change.image, "no name or image");
        fuzz_require(change.pool_target >= -1 && change.pool_target <= TEMPLATE_POOL_MAX, "a bad target");
        check_map(change.packages_json);
        check_map(change.preload_json);
    }
    template_change_release(&change);
    status = template_update_decode(text, len, &change, &err);
    check_refusal(status, &err);
    template_change_release(&change);
}

/* Outputs, as the database keeps them. */
static void check_output(const char *text, size_t len, bool truncated)
{
    fuzz_require(len <= OUTPUT_BYTES_MAX + 64 && (!truncated || len > OUTPUT_BYTES_MAX / 2), "an output of a wrong length");
    fuzz_require(!text || utf8_valid(text, len), "an output that is no UTF-8");
}

static void result(const struct strbuf *body)
{
    struct callback_result report = { 0 };
    struct err err = ERR_INIT;
    int status = report_result_decode(body, &report, &err);
    check_refusal(status, &err);
    if (status == 0) {
        const struct execution_outcome *outcome = &report.outcome;
        fuzz_require(execution_status_final(report.status), "a result that is no end");
        fuzz_require((report.status == EXECUTION_COMPLETED) == !outcome->error_kind, "an end without its error");
        fuzz_require(outcome->duration_ms >= 0 && outcome->cpu_time_ms >= 0 && outcome->peak_memory_mb >= 0, "less than nothing");
        fuzz_require(!outcome->return_json || json_strict_valid(outcome->return_json, strlen(outcome->return_json)),
                     "a return value that is no JSON");
        check_output(outcome->stdout_text, outcome->stdout_len, outcome->stdout_truncated);
        check_output(outcome->stderr_text, outcome->stderr_len, outcome->stderr_truncated);
        check_map(outcome->artifacts_json);
    }
    execution_outcome_release(&report.outcome);
}

static void reports(const char *text, size_t len)
{
    cleanup_strbuf struct strbuf body = STRBUF_INIT(len + 1);
    struct err err = ERR_INIT;
    char reason[EXIT_TEXT_SIZE];
    char *artifacts = NULL;
    strbuf_add(&body, text, len);
    result(&body);
    check_refusal(report_status_decode(&body, &err), &err);
    check_refusal(report_empty_decode(&body, &err), &err);
    check_refusal(report_exit_decode(&body, reason, &err), &err);
    check_refusal(report_artifacts_decode(&body, &artifacts, &err), &err);
    check_map(artifacts);
    free(artifacts);
}

static void node(const char *text, size_t len)
{
    struct err err = ERR_INIT;
    bool drain = false;
    check_refusal(node_update_decode(text, len, &drain, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    session(text, size);
    renewal(text, size);
    execution(text, size);
    template(text, size);
    node(text, size);
    reports(text, size);
    return 0;
}
