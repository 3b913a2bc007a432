# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The documented workflow, as a client would run it: create, execute, poll, result, terminate.

# Runs one request of the workflow; BODY gets the answer, and a line with the time is shown.
request() { # TITLE METHOD PATH [CURL ARGUMENTS...]
    local title=$1 began log=$LOG_DIR/workflow.log
    shift
    began=$(now_ms)
    BODY=$(api "$@" --fail-with-body 2>&1) || {
        printf '%s %s: %s\n' "$1" "$2" "$BODY" >>"$log"
        fail_step "First session: $title ($1 $2)" "$log"
    }
    [ -z "$title" ] || say "$(printf '  %-52s %6d ms' "$title" $(($(now_ms) - began)))"
}

field() { jq -r "$1" <<<"$BODY"; }

first_session() {
    local session execution status began code
    say "First session:"
    : >"$LOG_DIR/workflow.log"
    request "POST /sessions" POST /sessions -H 'Content-Type: application/json' -d '{
        "template_id": "python-basic", "timeout": 300,
        "resources": {"cpu": "1", "memory": "512Mi", "disk": "1Gi"}}'
    session=$(field .session_id)
    note "session_id $session, status $(field .status)"
    code='def handler(event):\n    return {\"result\": event[\"x\"] + event[\"y\"]}'
    request 'POST /sessions/{id}/execute  event["x"] + event["y"]' POST "/sessions/$session/execute" \
        -H 'Content-Type: application/json' \
        -d "{\"code\": \"$code\", \"language\": \"python\", \"timeout\": 30, \"event\": {\"x\": 10, \"y\": 32}}"
    execution=$(field .execution_id)
    note "execution_id $execution, status $(field .status)"
    poll_execution "$execution"
    request "GET /executions/{id}/result" GET "/executions/$execution/result"
    note "status $(field .status), return_value $(jq -c .return_value <<<"$BODY"), $(field .metrics.duration_ms) ms in the sandbox"
    RESULT=$(field .return_value.result)
    jq . <<<"$BODY" >>"$LOG_DIR/workflow.log"
    request "DELETE /sessions/{id}" DELETE "/sessions/$session"
    note "$(field .message)"
    if [ "$RESULT" != 42 ]; then
        printf 'the result is %s, not 42\n' "$RESULT" >>"$LOG_DIR/workflow.log"
        fail_step "First session: the result is not 42" "$LOG_DIR/workflow.log"
    fi
    say "Result: $RESULT"
}

poll_execution() { # ID
    local began polls=0 status
    began=$(now_ms)
    while :; do
        request "" GET "/executions/$1/status"
        polls=$((polls + 1))
        status=$(field .status)
        case $status in
            pending | running) ;;
            *) break ;;
        esac
        if [ $(($(now_ms) - began)) -gt 60000 ]; then
            printf '%s is still %s after 60 s\n' "$1" "$status" >>"$LOG_DIR/workflow.log"
            fail_step "First session: the execution does not end" "$LOG_DIR/workflow.log"
        fi
        sleep 0.05
    done
    say "$(printf '  %-52s %6d ms' "GET /executions/{id}/status ($polls polls)" $(($(now_ms) - began)))"
    note "status $status"
}
