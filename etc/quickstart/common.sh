# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# Places, messages, steps with progress, and processes that are known by pid and start time.

# Where everything is. HOME_DIR holds what lasts and is private; RUN_DIR and LIB_DIR can be reached by the web workers and
# by sandboxes (short paths: unix sockets end at 107 bytes).
set_places() {
    local home=$TOP/var port=8000
    if [ "$COMMAND" = test ]; then
        home=$TOP/var-test port=18000
    elif [ "$COMMAND" = bench ]; then
        home=$TOP/var-bench port=22800
    fi
    HOME_DIR=$(realpath -m "${SANDBOX_HOME:-$home}")
    PORT=${SANDBOX_PORT:-$port}
    RUNTIME=${SANDBOX_RUNTIME:-auto}
    if ! [[ $PORT =~ ^[0-9]{2,5}$ ]] || [ "$PORT" -gt 65000 ]; then
        die "SANDBOX_PORT must be a number up to 65000, not \"$PORT\""
    fi
    case $RUNTIME in
        process | docker | auto) ;;
        *) die "SANDBOX_RUNTIME must be process, docker or auto, not \"$RUNTIME\"" ;;
    esac
    if ! [[ ${SANDBOX_CONTAINERS:-1} =~ ^[1-9][0-9]{0,4}$ ]]; then
        die "SANDBOX_CONTAINERS must be a number from 1 to 99999, not \"$SANDBOX_CONTAINERS\""
    fi
    if ! [[ ${SANDBOX_THREADS:-48} =~ ^[1-9][0-9]{1,2}$ ]]; then
        die "SANDBOX_THREADS must be a number from 10 to 999, not \"$SANDBOX_THREADS\""
    fi
    BUILD_DIR=$(realpath -m "${SANDBOX_BUILD:-$HOME_DIR/build}")
    LOG_DIR=$HOME_DIR/log
    PID_DIR=$HOME_DIR/run
    DB_DIR=$HOME_DIR/db
    TOKEN_FILE=$HOME_DIR/token
    TLS_DIR=$HOME_DIR/tls
    WEB=lighttpd TLS=0 STORAGE=file # until choose_web or remember_stack
    set_port_places
}

set_port_places() {
    RUN_DIR=/run/sandbox-$PORT
    LIB_DIR=/var/lib/sandbox-$PORT
    BIN_DIR=$LIB_DIR/bin
    CONTAINERS_DIR=$LIB_DIR/c
    WORKSPACES_DIR=$LIB_DIR/workspaces
    SWIFT_DIR=$HOME_DIR/swift
    CONFIG=$RUN_DIR/sandbox.conf
    DB_SOCKET=$RUN_DIR/db/db.sock
    ADDRESS=http://127.0.0.1:$PORT/api/v1
    CURL=(curl)
    if [ "$TLS" = 1 ]; then
        ADDRESS=https://127.0.0.1:$PORT/api/v1
        CURL=(curl --cacert "$TLS_DIR/ca.pem")
    fi
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "this needs root: run it as root, or install sudo"
    say "not root: going on through sudo"
    export SANDBOX_HOME=$HOME_DIR SANDBOX_PORT=$PORT SANDBOX_RUNTIME=$RUNTIME SANDBOX_BUILD=$BUILD_DIR
    exec sudo --preserve-env=SANDBOX_HOME,SANDBOX_PORT,SANDBOX_RUNTIME,SANDBOX_BUILD,SANDBOX_CONFIGURE,SANDBOX_LONG,SANDBOX_WEB,SANDBOX_TLS,SANDBOX_STORAGE,SANDBOX_CONTAINERS,SANDBOX_THREADS \
        bash "$TOP/quickstart.sh" "$@"
}

# One quickstart at a time in a home. Descriptor 9 is closed for everything that stays.
take_lock() {
    mkdir -p "$HOME_DIR" "$LOG_DIR" "$PID_DIR"
    chmod 0755 "$HOME_DIR"
    exec 9>"$HOME_DIR/lock"
    flock -n 9 && return 0
    say "another quickstart.sh works in $HOME_DIR; waiting for it"
    flock -w 900 9 || die "it has been at work for 15 minutes; see $HOME_DIR/log"
}

now_ms() { printf '%s' "$(($(date +%s%N) / 1000000))"; }
start_clock() { CLOCK=$(now_ms); }
seconds_since() { # MS -> "12.3"
    local ms=$(($(now_ms) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

say() { printf '%s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
    printf 'quickstart: %s\n' "$*" >&2
    exit 1
}

# A step that failed: which, why, and where to read on.
fail_step() { # STEP LOG
    {
        printf '\nFAILED: %s\n' "$1"
        if [ -s "$2" ]; then
            printf '%s\n' "--- the last lines of $2"
            tail -n 20 "$2" | cut -c1-400
            printf '%s\n' "---"
        fi
        printf 'The whole log is %s\n' "$2"
    } >&2
    exit 1
}

# Runs COMMAND with its output in a log; says every 10 s that it still runs, and how long it took.
run_step() { # STEP LOGNAME COMMAND...
    local step=$1 log=$LOG_DIR/$2.log began pid next=10 waited=0 traps
    shift 2
    began=$(now_ms)
    mkdir -p "$LOG_DIR"
    printf -- '-- %s %s\n' "$(date -u +%FT%TZ)" "$step" >>"$log"
    # a process group of its own, so that an interrupt ends all of it
    set -m
    ("$@") >>"$log" 2>&1 </dev/null 9>&- &
    pid=$!
    set +m
    traps=$(trap -p INT TERM)
    trap 'kill -TERM -- -'"$pid"' 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        waited=$((($(now_ms) - began) / 1000))
        if [ "$waited" -ge "$next" ]; then
            note "still at it: $step ($waited s)"
            next=$((next + 10))
        fi
    done
    trap - INT TERM
    eval "$traps"
    wait "$pid" || fail_step "$step" "$log"
    say "$(printf '  %-52s %6s s' "$step" "$(seconds_since "$began")")"
}

# Waits until COMMAND succeeds; a part that dies meanwhile ends the wait.
wait_for() { # SECONDS PART STEP COMMAND...
    local limit=$1 part=$2 step=$3 began
    shift 3
    began=$(now_ms)
    until "$@" >/dev/null 2>&1; do
        part_running "$part" || fail_step "$step ($part ended)" "$LOG_DIR/$part.log"
        [ $(($(now_ms) - began)) -lt $((limit * 1000)) ] ||
            fail_step "$step (no answer within $limit s)" "$LOG_DIR/$part.log"
        sleep 0.05
    done
}

# --- processes: "PID START" in $PID_DIR/NAME.pid, START from /proc/PID/stat, so that a reused pid is nobody of ours

start_time_of() { # PID -> start time in clock ticks, nothing if there is no such process
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" != Z ] || return 1
    printf '%s' "${20}"
}

part_pid() { # NAME -> pid, if it runs
    local pid start
    read -r pid start 2>/dev/null <"$PID_DIR/$1.pid" || return 1
    [ "$(start_time_of "$pid")" = "$start" ] || return 1
    printf '%s' "$pid"
}

part_running() { part_pid "$1" >/dev/null; }

# Starts COMMAND as a part of the stack, unless it runs already from the same files (FINGERPRINT).
start_part() { # NAME FINGERPRINT COMMAND...
    local name=$1 fingerprint=$2 pid
    shift 2
    if part_running "$name"; then
        [ "$(cat "$PID_DIR/$name.from" 2>/dev/null)" != "$fingerprint" ] || return 0
        note "$name: program or settings changed, starting it again"
        stop_part "$name"
    fi
    setsid "$@" >>"$LOG_DIR/$name.log" 2>&1 </dev/null 9>&- &
    pid=$!
    printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$PID_DIR/$name.pid"
    printf '%s\n' "$fingerprint" >"$PID_DIR/$name.from"
    STARTED+=("$name")
}

stop_part() { # NAME [SECONDS]
    local name=$1 limit=${2:-15} pid began
    if pid=$(part_pid "$name"); then
        began=$(now_ms)
        kill -TERM "$pid" 2>/dev/null || true
        while part_running "$name"; do
            if [ $(($(now_ms) - began)) -gt $((limit * 1000)) ]; then
                note "$name did not end within $limit s: killed"
                kill -KILL "$pid" 2>/dev/null || true
                limit=$((limit + 5))
            fi
            sleep 0.02
        done
    fi
    rm -f "$PID_DIR/$name.pid" "$PID_DIR/$name.from"
}

# Pids of processes that were started as the program at PATH. By their command line: what else /proc tells of other
# users' processes is not for root in an ordinary container.
pids_of_program() { # PATH
    local file first
    for file in /proc/[0-9]*/cmdline; do
        IFS= read -r -d '' first 2>/dev/null <"$file" || continue
        [ "$first" != "$1" ] || printf '%s\n' "$(basename "$(dirname "$file")")"
    done
}

fingerprint() { cat "$@" 2>/dev/null | sha256sum | cut -c1-32; }

# Whether PORT is taken: by a TCP listener, or by a UDP socket.
tcp_port_taken() { awk -v port="$(printf ':%04X' "$1")" 'index($2, port) && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
udp_port_taken() { awk -v port="$(printf ':%04X' "$1")" 'index($2, port) { found = 1 } END { exit !found }' /proc/net/udp /proc/net/udp6 2>/dev/null; }
