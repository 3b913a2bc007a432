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

# Starts one whose data are in DIR and waits until it answers; its address is in DIR/ready, its secret key in DIR/secret.
start_swift() { # DIR [PORT]
    local dir=$1 command tries
    mkdir -p "$dir"
    rm -f "$dir/ready"
    readarray -t command <<<"$(swift_command "$dir" "${2:-0}")"
    setsid "${command[@]}" >>"$dir/log" 2>&1 </dev/null &
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
