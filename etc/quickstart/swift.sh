# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# An S3 server of our own, for tests and to try things with: OpenStack Swift on loopback (s3_server.py).

SWIFT_BUCKET=sandbox
SWIFT_ACCESS_KEY=test:tester
SWIFT_PROGRAM=$(dirname "${BASH_SOURCE[0]}")/s3_server.py

# Swift comes with Debian's Python.
swift_command() { # DIR PORT
    printf '%s\n' /usr/bin/python3 "$SWIFT_PROGRAM" "$1" "$2" "$SWIFT_BUCKET"
}

swift_there() { /usr/bin/python3 -c 'import swift.common.middleware.s3api.s3api' 2>/dev/null && command -v memcached >/dev/null; }

# Starts one whose data are in DIR, that ends with this shell, and waits until it answers; its address is in DIR/ready, its secret key in DIR/secret.
start_swift() { # DIR [PORT]
    local dir=$1 command tries
    mkdir -p "$dir"
    rm -f "$dir/ready"
    readarray -t command <<<"$(swift_command "$dir" "${2:-0}")"
    SWIFT_OF_TEST=1 setsid "${command[@]}" >>"$dir/log" 2>&1 </dev/null &
    printf '%s\n' "$!" >"$dir/pid"
    for ((tries = 0; tries < 900; tries++)); do
        [ ! -s "$dir/ready" ] || return 0
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 0.1
    done
    printf 'Swift does not start:\n' >&2
    tail -n 20 "$dir/log" >&2
    stop_swift "$dir"
    return 1
}

stop_swift() { # DIR
    local pid tries
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$1/pid"
}

# --- as a part of the stack (quickstart.sh)

# Where nothing is said, a stack that runs keeps what it has.
choose_storage() {
    local port storage
    read -r port _ _ _ storage 2>/dev/null <"$PID_DIR/stack" || true
    [ "${port:-}" = "$PORT" ] || storage=
    STORAGE=${SANDBOX_STORAGE:-${storage:-file}}
    case $STORAGE in
        file | s3) ;;
        *) die "SANDBOX_STORAGE must be file or s3, not \"$STORAGE\"" ;;
    esac
}

# A port for it that stays the same as long as it is free: addresses that were handed out name it.
swift_port() {
    local port
    port=$(cat "$SWIFT_DIR/port" 2>/dev/null || echo $((PORT + 4)))
    while ! part_running swift && tcp_port_taken "$port"; do
        port=$((port + 1))
    done
    printf '%s\n' "$port" >"$SWIFT_DIR/port"
    printf '%s' "$port"
}

start_s3() {
    local port command
    swift_there || die "Swift is not installed: run SANDBOX_STORAGE=s3 ./quickstart.sh up"
    install -d -m 0700 "$SWIFT_DIR"
    port=$(swift_port)
    part_running swift || rm -f "$SWIFT_DIR/ready"
    readarray -t command <<<"$(swift_command "$SWIFT_DIR" "$port")"
    start_part swift "$port $(fingerprint "$SWIFT_PROGRAM")" "${command[@]}"
    wait_for 90 swift "Swift" test -s "$SWIFT_DIR/ready"
}

# The settings' group storage.
storage_config() {
    printf 'directory = "%s";' "$WORKSPACES_DIR"
    [ "$STORAGE" = s3 ] || return 0
    printf '\n    driver = "s3"; s3_endpoint = "%s"; s3_region = "us-east-1"; s3_bucket = "%s";' "$(cat "$SWIFT_DIR/ready")" "$SWIFT_BUCKET"
    printf '\n    s3_access_key = "%s"; s3_secret_key = "%s";' "$SWIFT_ACCESS_KEY" "$(cat "$SWIFT_DIR/secret")"
}
