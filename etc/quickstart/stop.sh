# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# Ends the stack: sandboxes first, through the jobs that know them; then the parts, in reverse order.

stop_stack() {
    local job part
    for part in lighttpd apache api; do
        stop_part "$part"
    done
    end_orphaned_apache
    end_orphaned_workers
    stop_part purge
    stop_part probe
    stop_part webhookd
    stop_part pool
    if part_running mariadbd && part_running provisiond && part_running reap; then
        end_sandboxes
    fi
    for job in reap dispatchd provisiond; do
        stop_part "$job"
    done
    sweep_sandboxes
    stop_part mariadbd 60
    stop_part swift
    stop_part dockerd 30
    rm -rf "$RUN_DIR" "$LIB_DIR"
    rm -f "$PID_DIR/stack" "$PID_DIR/doorbells"
    say "Stopped. Data, logs and token stay in $HOME_DIR."
}

# Sessions are over as of now, which sandbox-reap sees to; warm sandboxes go as if the pool had shrunk.
end_sandboxes() {
    local began left
    began=$(now_ms)
    database_query "UPDATE sandbox.sessions SET expires_at = UTC_TIMESTAMP(3) WHERE status IN ('creating', 'running')" \
        >>"$LOG_DIR/stop.log" 2>&1 && retire_warm || return 0
    while left=$(database_query "SELECT COUNT(*) FROM sandbox.containers WHERE status <> 'deleted'" 2>/dev/null) &&
        [ "$left" != 0 ] && [ $(($(now_ms) - began)) -lt 30000 ]; do
        sleep 0.05
    done
    [ "${left:-0}" = 0 ] || note "$left sandboxes did not end within 30 s"
}

retire_warm() {
    database_query "UPDATE sandbox.containers SET status = 'deleting', due_at = UTC_TIMESTAMP(3), claimed_by = NULL
        WHERE session_id = '' AND status IN ('creating', 'warm')" >>"$LOG_DIR/stop.log" 2>&1
}

# What is left all the same, because a part was dead or the database gone: found by the directory of this stack.
sweep_sandboxes() {
    local room group ids pid start
    for room in "$CONTAINERS_DIR"/*/; do
        if read -r pid start 2>/dev/null <"$room/pid" && [ "$(start_time_of "$pid")" = "$start" ]; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
        if read -r start ids _ 2>/dev/null <"$room/range"; then
            kill_users "$start" $((start + ids))
        fi
        for group in /sys/fs/cgroup/sandbox /sys/fs/cgroup/*/sandbox; do
            [ ! -d "$group/$(basename "$room")" ] || rmdir "$group/$(basename "$room")" 2>/dev/null || true
        done
    done
    if engine_answers && command -v docker >/dev/null; then
        ids=$(docker ps -aq --filter "label=sandbox.installation=$CONTAINERS_DIR" 2>/dev/null || true)
        # shellcheck disable=SC2086
        [ -z "$ids" ] || docker rm -f $ids >>"$LOG_DIR/stop.log" 2>&1 || true
    fi
}

# Kills every process of the user ids FIRST..END-1, which are a sandbox's own.
kill_users() { # FIRST END
    local file uid
    for file in /proc/[0-9]*/status; do
        uid=$(awk '/^Uid:/ { print $2 }' "$file" 2>/dev/null) || continue
        if [ "${uid:-0}" -ge "$1" ] && [ "$uid" -lt "$2" ]; then
            kill -KILL "$(basename "$(dirname "$file")")" 2>/dev/null || true
        fi
    done
}

# Processes whose command line or environment names PLACE.
pids_with() { # PLACE
    local file pid
    for file in /proc/[0-9]*/cmdline; do
        pid=$(basename "$(dirname "$file")")
        if [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] &&
            cat "$file" "/proc/$pid/environ" 2>/dev/null | grep -qaF "$1"; then
            printf '%s\n' "$pid"
        fi
    done
}
