# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The embedded stack: settings, database, jobs, web server (web.sh); started in order, stopped in reverse.

JOBS=(dispatchd provisiond reap pool purge probe webhookd)
STARTED=()

start_stack() {
    local began
    began=$(now_ms)
    stop_if_moved
    make_places
    install_programs
    start_database
    if [ "$STORAGE" = s3 ]; then start_s3; else stop_part swift; fi
    write_config
    run_step "Schema" migrate migrate
    make_token
    [ "$RUNTIME" != docker ] || prepare_docker
    start_jobs
    start_web
    settle
    if [ ${#STARTED[@]} -eq 0 ]; then
        say "$(printf '  %-52s %6s s' "Stack: everything runs already" "$(seconds_since "$began")")"
    else
        say "$(printf '  %-52s %6s s' "Stack: started ${STARTED[*]}" "$(seconds_since "$began")")"
    fi
}

# A stack of this home on another port or runtime is ended properly first: its sandboxes belong to that one.
stop_if_moved() {
    local wanted="$PORT $RUNTIME" had
    had=$(cut -d' ' -f1,2 "$PID_DIR/stack" 2>/dev/null || true)
    if [ -n "$had" ] && [ "$had" != "$wanted" ]; then
        note "this home's stack was \"$had\" (port, runtime) and becomes \"$wanted\": stopping the old one"
        (remember_stack && stop_stack)
    fi
    printf '%s\n' "$wanted $WEB $TLS $STORAGE" >"$PID_DIR/stack"
}

# For stop, status and logs: the port, runtime, web server and storage that the stack was started with.
remember_stack() {
    local port runtime web tls storage
    if read -r port runtime web tls storage 2>/dev/null <"$PID_DIR/stack"; then
        PORT=$port RUNTIME=$runtime WEB=${web:-lighttpd} TLS=${tls:-0} STORAGE=${storage:-file}
        set_port_places
    fi
}

make_places() {
    part_running apache || end_orphaned_apache
    if ! part_running lighttpd && ! part_running apache && tcp_port_taken "$PORT"; then
        die "port $PORT on this machine is taken by another program: choose another with SANDBOX_PORT"
    fi
    mkdir -p "$LOG_DIR" "$PID_DIR" "$RUN_DIR" "$LIB_DIR" "$CONTAINERS_DIR" "$WORKSPACES_DIR"
    chmod 0700 "$LOG_DIR" "$PID_DIR"
    chmod 0755 "$RUN_DIR" "$LIB_DIR"
    chmod 0711 "$CONTAINERS_DIR"
    # written by the web workers and the jobs, read by the web server
    chown root:www-data "$WORKSPACES_DIR"
    chmod 2770 "$WORKSPACES_DIR"
    # www-data puts the workers' sockets here, mysql the database's; sandboxes must reach neither
    install -d -m 0750 -o www-data -g www-data "$RUN_DIR/web" "$LIB_DIR/uploads"
    install -d -m 0750 -o "$(database_user)" -g www-data "$RUN_DIR/db"
    # each program counts in a directory of its own; the jobs make theirs
    install -d -m 0755 "$RUN_DIR/metrics"
    install -d -m 0755 -o www-data -g www-data "$RUN_DIR/metrics/api"
    # by a link, so that a test can take the engine away from this stack alone
    ln -sfn "$DOCKER_SOCKET" "$RUN_DIR/docker.sock"
}

# UDP ports of the doorbells: the four after SANDBOX_PORT, or the next four that are free.
doorbell_ports() {
    local base
    if base=$(cat "$PID_DIR/doorbells" 2>/dev/null) && [ -n "$base" ] &&
        { part_running dispatchd || part_running provisiond || part_running pool || part_running webhookd; }; then
        printf '%s' "$base"
        return
    fi
    base=$((PORT + 1))
    while udp_port_taken "$base" || udp_port_taken $((base + 1)) || udp_port_taken $((base + 2)) ||
        udp_port_taken $((base + 3)); do
        base=$((base + 4))
        [ "$base" -lt 65530 ] || die "no four UDP ports in a row are free for the doorbells"
    done
    printf '%s\n' "$base" >"$PID_DIR/doorbells"
    printf '%s' "$base"
}

# As many sandboxes as memory carries: an idle one is small, and its limit is not its use.
max_containers() {
    [ -z "${SANDBOX_CONTAINERS:-}" ] || { printf '%s\n' "$SANDBOX_CONTAINERS"; return; }
    awk '/^MemTotal:/ { n = int($2 / 1024 / 64); print (n < 8 ? 8 : (n > 256 ? 256 : n)) }' /proc/meminfo
}

write_config() {
    local bell kind new
    bell=$(doorbell_ports)
    kind=$RUNTIME
    [ -f "$RUN_DIR/registries.json" ] || (umask 077 && printf '{}\n' >"$RUN_DIR/registries.json")
    new=$(mktemp "$RUN_DIR/.conf.XXXXXX")
    cat >"$new" <<CONF
# Written by quickstart.sh at every start: the embedded stack's settings.
database: { socket = "$DB_SOCKET"; name = "sandbox"; user = "sandbox"; password = "$(database_password)";
    # everything shares one machine here: it may be slow for a while
    timeout_ms = 20000; };
doorbell: { dispatchd = "127.0.0.1:$bell"; provisiond = "127.0.0.1:$((bell + 1))"; pool = "127.0.0.1:$((bell + 2))";
    webhookd = "127.0.0.1:$((bell + 3))"; };
api: { threads = ${SANDBOX_THREADS:-48}; max_waiters = $((${SANDBOX_THREADS:-48} - 8)); };
# One user: nobody to be protected from.
limits: { requests_per_minute = 0; executions_per_minute = 0; sessions = 0; };
# One machine for everything: limits may be promised far beyond what it has; the number of sandboxes is the bound.
node: { id = "node-01"; max_containers = $(max_containers); overcommit = 100000; };
runtime: {
    kind = "$kind";
    directory = "$CONTAINERS_DIR";
    executor = "$BIN_DIR/sandbox-executor";
    docker_socket = "$RUN_DIR/docker.sock";
    docker_config = "$RUN_DIR/registries.json";
    # Only here: on machines without namespaces a weaker isolation is better than none to try things with.
    process_isolation = "best-effort";
};
storage: { $(storage_config) };
# One machine, one user: what listens here may be told.
webhooks: { key = "$(webhook_key)"; allow = "127.0.0.0/8, ::1"; };
metrics: { directory = "$RUN_DIR/metrics"; };
log: { level = "info"; };
CONF
    chown root:www-data "$new"
    chmod 0640 "$new"
    if cmp -s "$new" "$CONFIG"; then
        rm -f "$new"
    else
        mv "$new" "$CONFIG"
    fi
}

webhook_key() {
    local file=$HOME_DIR/webhook-key
    if [ ! -s "$file" ]; then
        (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$file")
    fi
    cat "$file"
}

sandboxctl() { "$BIN_DIR/sandboxctl" --config "$CONFIG" "$@"; }

migrate() { sandboxctl migrate --dir "$TOP/sql"; }

# The token outlives restarts as long as the database knows it.
make_token() {
    local token
    if [ -s "$TOKEN_FILE" ] && sandboxctl token check <"$TOKEN_FILE" >/dev/null 2>&1; then
        return 0
    fi
    token=$(sandboxctl token create --owner quickstart --scopes sessions,templates,admin 2>>"$LOG_DIR/migrate.log") ||
        fail_step "Token" "$LOG_DIR/migrate.log"
    (umask 077 && printf '%s\n' "$token" >"$TOKEN_FILE")
    [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$TOKEN_FILE"
}

start_jobs() {
    local job
    for job in "${JOBS[@]}"; do
        # sandboxes inherit provisiond's priority, and what keeps them going comes before them
        start_part "$job" "$(fingerprint "$BIN_DIR/sandbox-$job" "$CONFIG")" \
            nice -n "$([ "$job" = provisiond ] && echo 5 || echo 0)" "$BIN_DIR/sandbox-$job" --config "$CONFIG"
    done
}

# The stack is up when its node says so; and the pool of the default template has two.
settle() {
    wait_for 30 provisiond "Node" node_ready
    # warm sandboxes of another executor than this build's, or of an engine that has died, would be a surprise
    if [[ " ${CHANGED[*]-} ${STARTED[*]-} " =~ \ (sandbox-executor|dockerd)\  ]]; then
        retire_warm
    fi
    sandboxctl template pool python-basic 2 >>"$LOG_DIR/migrate.log" 2>&1 ||
        fail_step "Warm pool" "$LOG_DIR/migrate.log"
}

api() { # METHOD PATH [CURL ARGUMENTS...] -> the body
    local method=$1 path=$2
    shift 2
    "${CURL[@]}" -sS --max-time 70 -X "$method" -H @- "$ADDRESS$path" "$@" <<<"Authorization: Bearer $(cat "$TOKEN_FILE")"
}

node_ready() { api GET /health/detailed | jq -e '.nodes.items | any(.node == "node-01" and .status == "healthy")' >/dev/null; }
