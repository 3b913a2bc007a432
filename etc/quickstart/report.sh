# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# What a person is told: summary, status, logs.

parts() { echo mariadbd $([ "$STORAGE" != s3 ] || echo swift) dockerd "${JOBS[@]}" "$(web_parts)"; }

# The node's own words: runtime, isolation in force, whether that is the weaker one.
node_facts() { api GET /health/detailed 2>/dev/null || true; }

show_isolation() { # HEALTH
    say "  runtime    $RUNTIME"
    say "  isolation  $(jq -r '.nodes.items[0].isolation // "unknown"' <<<"$1" 2>/dev/null || echo unknown)"
    if [ "$(jq -r '.nodes.items[0].isolation_weaker // false' <<<"$1" 2>/dev/null)" = true ]; then
        say ""
        say "  !! WEAKER ISOLATION: this machine offers sandboxes no namespaces or no resource limits of their own."
        say "  !! Good enough to try the product with code of your own; do not run strangers' code here."
        say ""
    fi
}

show_summary() {
    say ""
    say "The stack runs (all of it took $(seconds_since "$CLOCK") s):"
    say "  address    $ADDRESS"
    say "  pages      ${ADDRESS%/api/v1}/docs to try it out, /redoc to read"
    say "  token      in $TOKEN_FILE"
    [ "$STORAGE" != s3 ] || say "  storage    S3 at $(cat "$SWIFT_DIR/ready"), bucket $SWIFT_BUCKET, keys $SWIFT_ACCESS_KEY and $SWIFT_DIR/secret"
    show_isolation "$(node_facts)"
    if [ "$RUNTIME" = docker ]; then
        say "  images     python-basic; others: images/build.sh python-datascience nodejs-basic"
    fi
    say "  status     ./quickstart.sh status      logs   ./quickstart.sh logs      stop   ./quickstart.sh stop"
    say ""
    say "Try:  ${CURL[*]} -H \"Authorization: Bearer \$(cat $TOKEN_FILE)\" $ADDRESS/templates"
}

uptime_of() { # PID
    local ticks now
    ticks=$(start_time_of "$1") || return 0
    now=$(cut -d. -f1 /proc/uptime)
    printf '%d' $((now - ticks / $(getconf CLK_TCK)))
}

show_status() {
    local part pid health code=0
    say "home $HOME_DIR, address $ADDRESS"
    for part in $(parts); do
        if pid=$(part_pid "$part"); then
            say "$(printf '  %-11s runs      pid %-7s up %s s' "$part" "$pid" "$(uptime_of "$pid")")"
        elif [ -e "$PID_DIR/$part.pid" ]; then
            say "$(printf '  %-11s DIED      log %s' "$part" "$LOG_DIR/$part.log")"
            code=1
        elif [ "$part" != dockerd ]; then
            say "$(printf '  %-11s stopped' "$part")"
            code=3
        elif [ "$RUNTIME" = docker ]; then
            say "$(printf '  %-11s %s' "engine" "the machine's own")"
        fi
    done
    [ $code -ne 3 ] || { say "The stack is not (wholly) running: ./quickstart.sh up starts it."; return 3; }
    health=$(node_facts)
    say "  health     $(jq -r '.status // "no answer"' <<<"$health" 2>/dev/null || echo "no answer")"
    jq -r '"    database: \(.database.status) \(.database.error // "")",
           (.nodes.items[] | "    node \(.node): \(.status), \(.containers.used) of \(.containers.capacity) sandboxes \(.error // "")"),
           (.jobs.items[] | "    \(.job): \(.status)")' <<<"$health" 2>/dev/null || true
    show_isolation "$health"
    return $code
}

show_logs() { # [NAME [LINES]]
    local file lines=${2:-10}
    [[ $lines =~ ^[0-9]+$ ]] || die "logs NAME [LINES]: LINES is a number"
    if [ -n "${1:-}" ]; then
        if ! [[ $1 =~ ^[a-z-]+$ ]] || [ ! -f "$LOG_DIR/$1.log" ]; then
            die "there is no log \"$1\" in $LOG_DIR: $(find "$LOG_DIR" -name '*.log' -printf '%f ' 2>/dev/null)"
        fi
        tail -n "${2:-100}" "$LOG_DIR/$1.log"
        return
    fi
    for file in "$LOG_DIR"/*.log; do
        [ -f "$file" ] || continue
        say "== $file"
        tail -n "$lines" "$file" | cut -c1-300
    done
}
