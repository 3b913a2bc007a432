/* SPDX-License-Identifier: Apache-2.0 */
/* Maps answers and losses to verdicts, by table. */
#include "lib/service/dispatch_outcome.h"

#include <string.h>

#include "lib/util/json.h"

enum { RETRY_FIRST_MS = 1000, RETRY_LONGEST_MS = 10000 };

static const enum execution_status failure_status[WIRE_FAILURES] = {
    [WIRE_FAILURE_NONE] = EXECUTION_COMPLETED,
    [WIRE_FAILURE_EXCEPTION] = EXECUTION_FAILED,
    [WIRE_FAILURE_SIGNAL] = EXECUTION_FAILED,
    [WIRE_FAILURE_TIMEOUT] = EXECUTION_TIMEOUT,
    [WIRE_FAILURE_OUT_OF_MEMORY] = EXECUTION_FAILED,
    [WIRE_FAILURE_DISK_FULL] = EXECUTION_FAILED,
    [WIRE_FAILURE_RETURN_VALUE] = EXECUTION_FAILED,
    [WIRE_FAILURE_CANCELLED] = EXECUTION_CANCELLED,
    [WIRE_FAILURE_NO_RUNTIME] = EXECUTION_FAILED,
    [WIRE_FAILURE_EXECUTOR] = EXECUTION_FAILED,
};

static const struct loss_rule {
    bool retry, suspect, cancel;
    enum execution_status status; /* without (further) retry */
    const char *kind;
    const char *message; /* NULL: the error's text */
} loss_rules[] = {
    [EXEC_LOSS_UNREACHABLE] = { true, true, false, EXECUTION_CRASHED, "crashed",
                                "The sandbox could not be reached." },
    [EXEC_LOSS_BROKEN] = { true, true, false, EXECUTION_CRASHED, "crashed",
                           "The sandbox was lost while it ran this code." },
    [EXEC_LOSS_OVERDUE] = { false, true, true, EXECUTION_TIMEOUT, "timeout",
                            "The execution ran past its time limit and could not be ended in time." },
    [EXEC_LOSS_UNAUTHORIZED] = { true, true, false, EXECUTION_CRASHED, "crashed",
                                 "The sandbox did not accept the execution." },
    [EXEC_LOSS_REFUSED] = { false, false, false, EXECUTION_FAILED, "executor", NULL },
    [EXEC_LOSS_BUSY] = { true, false, false, EXECUTION_CRASHED, "crashed",
                         "The sandbox could not run this code now." },
};

void verdict_release(struct verdict *verdict)
{
    execution_outcome_release(&verdict->outcome);
    *verdict = (struct verdict){ 0 };
}

enum execution_status outcome_status(enum wire_failure failure)
{
    return failure < WIRE_FAILURES ? failure_status[failure] : EXECUTION_FAILED;
}

int64_t outcome_retry_delay_ms(int64_t attempts)
{
    int64_t delay = RETRY_FIRST_MS;
    for (int64_t i = 1; i < attempts && delay < RETRY_LONGEST_MS; i++)
        delay *= 2;
    return delay < RETRY_LONGEST_MS ? delay : RETRY_LONGEST_MS;
}

static char *copy(const char *text)
{
    return text && text[0] ? strdup(text) : NULL;
}

void verdict_of_answer(struct exec_answer *answer, struct verdict *out)
{
    struct wire_result *result = &answer->result;
    bool ran = result->failure != WIRE_FAILURE_NO_RUNTIME && result->failure != WIRE_FAILURE_EXECUTOR;
    *out = (struct verdict){ .status = outcome_status(result->failure) };
    struct execution_outcome *outcome = &out->outcome;
    outcome->stdout_len = answer->out.text.len;
    outcome->stderr_len = answer->err.text.len;
    outcome->stdout_text = strbuf_steal(&answer->out.text);
    outcome->stderr_text = strbuf_steal(&answer->err.text);
    outcome->stdout_truncated = answer->out.truncated || result->stdout_truncated;
    outcome->stderr_truncated = answer->err.truncated || result->stderr_truncated;
    if (!outcome->stdout_text)
        outcome->stdout_len = 0;
    if (!outcome->stderr_text)
        outcome->stderr_len = 0;
    outcome->has_exit_code = ran;
    outcome->exit_code = result->exit_code;
    outcome->return_json = steal(result->return_json);
    outcome->error_kind = copy(wire_failure_name(result->failure));
    outcome->error_message = steal(result->message);
    outcome->duration_ms = result->duration_ms;
    outcome->cpu_time_ms = result->cpu_time_ms;
    outcome->peak_memory_mb = result->peak_memory_mb;
}

void verdict_of_loss(enum exec_loss loss, const struct err *err, int64_t attempts, int64_t max_retries,
                     struct verdict *out)
{
    const struct loss_rule *rule = &loss_rules[loss];
    *out = (struct verdict){ .suspect = rule->suspect, .cancel = rule->cancel, .status = rule->status,
                             .lost = rule->status == EXECUTION_CRASHED };
    out->outcome.error_kind = copy(rule->kind);
    out->outcome.error_message = copy(rule->message ? rule->message : err->text);
    if (rule->retry && attempts <= max_retries) {
        out->again = true;
        out->delay_ms = outcome_retry_delay_ms(attempts);
        return;
    }
    if (rule->status == EXECUTION_TIMEOUT) {
        out->outcome.has_exit_code = true;
        out->outcome.exit_code = -1;
    }
}

static int parse_env(const char *text, struct json_object **out, struct err *err)
{
    if (json_parse(text, strlen(text), out, err) != 0 || !json_object_is_type(*out, json_type_object))
        return err_internal(err, 0, "stored env_vars are not a JSON object");
    return 0;
}

int outcome_merge_env(const char *session_env, const char *execution_env, char **out, struct err *err)
{
    cleanup_json struct json_object *base = NULL, *over = NULL;
    const char *text = session_env ? session_env : execution_env;
    if (session_env && execution_env) {
        if (parse_env(session_env, &base, err) != 0 || parse_env(execution_env, &over, err) != 0)
            return -1;
        json_object_object_foreach(over, name, value)
            json_object_object_add(base, name, json_object_get(value));
        text = json_text(base);
    }
    *out = text ? strdup(text) : NULL;
    return text && !*out ? err_internal(err, 0, "out of memory for env_vars") : 0;
}
