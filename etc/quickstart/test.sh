# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# All tests: layers, unit, integration, end-to-end with both runtimes, and the same under sanitizers.

PASSED=0 FAILED=0 SKIPPED=0
declare -A STACKS # names of those that were started and not stopped

run_tests() {
    [ "${1:-}" != --long ] || SANDBOX_LONG=1
    trap finish_tests EXIT
    trap 'exit 130' INT TERM
    take_lock
    say "Tests in $HOME_DIR, on ports from $PORT"
    install_packages "${DOCKER_PACKAGES[@]}" "${APACHE_PACKAGES[@]}" "${TLS_PACKAGES[@]}" "${S3_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
    (install_packages "${BROWSER_PACKAGES[@]}") || note "without a browser: tests of /docs and /redoc in one are skipped"
    (install_packages "${PAGE_PACKAGES[@]}") || note "without npm: tests of /docs and /redoc are skipped"
    export SANDBOX_TEST_TOOLS=$HOME_DIR/tools
    local plain=$HOME_DIR/build sanitized=$HOME_DIR/build-sanitizers sanitizing="--enable-sanitizers --enable-failpoints"
    test_layers
    build_for_tests "$plain" ""
    test_units "" "$plain"
    find_engine
    test_integration "" "$plain"
    build_ahead "$sanitized" "$sanitizing"
    test_e2e process process "$PORT" "$plain" "" lighttpd test_webs
    wait "$BUILDER" || true # whatever went wrong there is said here
    build_for_tests "$sanitized" "$sanitizing"
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    STACKS[s3]=yes
    aside test_beside_docker "$plain" "$sanitized"
    if [ -z "$NO_ENGINE" ]; then
        test_e2e docker docker $((PORT + 10)) "$plain" "" lighttpd "" --sandboxes
    else
        skip_suite "e2e, docker" "$NO_ENGINE"
    fi
    join_aside
    unset "STACKS[s3]"
    test_integration ", sanitizers" "$sanitized" bare
    test_e2e process-sanitizers process $((PORT + 20)) "$sanitized" "$sanitizing" apache "" --sanitized
    [ -z "${SANDBOX_LONG:-}" ] || test_fuzzers
}

# Whatever happens, what was started is stopped and the count is the last line.
finish_tests() {
    local code=$? stack
    trap - EXIT
    for stack in "${!STACKS[@]}"; do
        stop_test_stack "$stack" >/dev/null 2>&1 || true
    done
    stop_part dockerd 30
    [ -z "$BUILDER" ] || wait "$BUILDER" || true
    [ -z "$ASIDE" ] || wait "$ASIDE" || true
    [ $code -eq 0 ] || FAILED=$((FAILED + 1))
    say ""
    say "Tests took $(seconds_since "$CLOCK") s"
    [ $code -eq 0 ] || say "The test run itself ended early, with exit code $code: counted as one failure."
    say "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" -eq 0 ] || exit 1
    exit 0
}

# Runs a suite whose last line is "N passed, N failed[, N skipped]" and adds it up.
run_suite() { # TITLE COMMAND...
    local title=$1 began log line
    shift
    began=$(now_ms)
    say ""
    say "== $title"
    log=$LOG_DIR/test-$(tr -cs 'a-z0-9\n' - <<<"$title").log
    "$@" 2>&1 </dev/null 9>&- | tee "$log" || true
    line=$(tail -n 1 "$log")
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        PASSED=$((PASSED + BASH_REMATCH[1]))
        FAILED=$((FAILED + BASH_REMATCH[2]))
        SKIPPED=$((SKIPPED + ${BASH_REMATCH[4]:-0}))
        say "== $title: $(seconds_since "$began") s"
    else
        FAILED=$((FAILED + 1))
        say "== $title: FAILED, it ended without a count; its output is in $log"
    fi
}

skip_suite() { # TITLE REASON
    SKIPPED=$((SKIPPED + 1))
    say ""
    say "== $1: skipped: $2"
}

count_failure() { # WHAT
    FAILED=$((FAILED + 1))
    say "  FAILED: $1"
}

test_layers() {
    run_suite "layers" layer_suite
}

layer_suite() {
    local good=0 bad=0
    if "$TOP/tests/check-layers.sh"; then good=1; else bad=1; fi
    if "$TOP/tests/check-layers.sh" --self-test; then good=$((good + 1)); else bad=$((bad + 1)); fi
    say "$good passed, $bad failed"
}

build_for_tests() { # DIRECTORY CONFIGURE-ARGUMENTS
    say ""
    say "== build${2:+ $2}"
    BUILD_DIR=$1
    SANDBOX_CONFIGURE=$2
    export SANDBOX_CONFIGURE
    build
    run_step "Test programs" build make_test_programs
}

# Meanwhile, when tests mostly wait.
BUILDER=
build_ahead() { # DIRECTORY CONFIGURE-ARGUMENTS
    (
        renice -n 19 "$BASHPID" >/dev/null
        build_for_tests "$@"
    ) >"$LOG_DIR/build-ahead.log" 2>&1 9>&- &
    BUILDER=$!
}

# Two suites at once, where both mostly wait: what the one says comes when it has ended.
ASIDE=
aside() { # FUNCTION [ARGUMENTS]
    rm -f "$LOG_DIR/aside.count"
    (
        PASSED=0 FAILED=0 SKIPPED=0
        "$@"
        say "$PASSED $FAILED $SKIPPED" >"$LOG_DIR/aside.count"
    ) >"$LOG_DIR/aside.log" 2>&1 9>&- &
    ASIDE=$!
}

join_aside() {
    local passed=0 failed=1 skipped=0
    wait "$ASIDE" || true
    ASIDE=
    cat "$LOG_DIR/aside.log"
    read -r passed failed skipped <"$LOG_DIR/aside.count" || say "  FAILED: it ended without a count"
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + skipped))
}

# No bare executors: they end what has their user ids, and code in containers has the same.
test_beside_docker() { # BUILD SANITIZED-BUILD
    SANDBOX_STORAGE=s3 test_e2e s3 process $((PORT + 30)) "$1" "" lighttpd "" --files
    test_units ", sanitizers" "$2"
    CHECK_JOBS=2 test_integration ", sanitizers" "$2" others
}

make_test_programs() {
    # shellcheck disable=SC2046
    make -C "$BUILD_DIR" -j"$(nproc)" --no-print-directory $(test_programs_of unit) $(test_programs_of integration) \
        bench/http_load
}

test_programs_of() { make -s -C "$BUILD_DIR" --no-print-directory "list-$1-tests" | tail -n 1; }

test_units() { # SUFFIX DIRECTORY
    local unit
    BUILD_DIR=$2
    read -ra unit <<<"$(test_programs_of unit)"
    run_suite "unit$1" in_build "$TOP/tests/run-checks.sh" "${unit[@]/#/./}" "$TOP/tests/check-web-tier.sh" \
        "$TOP/tests/check-samples.sh" "$TOP/tests/check-failpoints.sh" "$TOP/tests/check-soak.sh" \
        "$TOP/tests/check-bench.sh"
}

# What is not run again with sanitizers, unless there is time: it mostly waits, for retries and for what was killed, or uses the executor
# in images, where a program with sanitizers does not run.
WAITING=(test_storage_faults test_jobs_files_lost test_runtime_docker test_relay test_doctor test_faults test_fault_disk test_fault_clock
    test_clocks test_jobs_frame test_deaths test_executor_storage_attacks)

# Bare executors end whatever has their user ids, a neighbour's code, too: nothing else runs meanwhile, nor may containers.
test_integration() { # SUFFIX DIRECTORY [bare | others]
    local integration=() test
    BUILD_DIR=$2
    for test in $(test_programs_of integration); do
        [ -z "$1" ] || [ -n "${SANDBOX_LONG:-}" ] || [[ " ${WAITING[*]} " != *" ${test##*/} "* ]] || continue
        case ${3:-}:${test##*/} in
            bare:test_executor* | :*) integration+=("$test") ;;
            bare:* | others:test_executor*) ;;
            *) integration+=("$test") ;;
        esac
    done
    # several at once: most of them wait most of the time
    SANDBOX_TEST_DB_FILES=$HOME_DIR/empty-database CHECK_JOBS=${CHECK_JOBS:-3} CHECK_ALONE='test_executor*' CHECK_WRAPPER=$TOP/tests/with-mariadb.sh \
        run_suite "integration$1${3:+, $3}" in_build "$TOP/tests/with-swift.sh" "$TOP/tests/run-checks.sh" "${integration[@]/#/./}"
}

# Only in long mode: each fuzzer for a minute, with clang and libFuzzer.
test_fuzzers() {
    local fuzzers
    install_packages "${FUZZ_PACKAGES[@]}"
    BUILD_DIR=$HOME_DIR/build-fuzzers
    SANDBOX_CONFIGURE="CC=clang --enable-fuzzers"
    mkdir -p "$BUILD_DIR"
    [ -f "$BUILD_DIR/config.status" ] || run_step "configure $SANDBOX_CONFIGURE" build configure_build
    read -ra fuzzers <<<"$(make -s -C "$BUILD_DIR" --no-print-directory list-fuzzers | tail -n 1)"
    run_step "Fuzzers" build make -C "$BUILD_DIR" -j"$(nproc)" --no-print-directory "${fuzzers[@]}"
    run_suite "fuzzers" in_build "$TOP/tests/fuzz/run.sh" "${fuzzers[@]/#/./}"
}

in_build() { (cd "$BUILD_DIR" && SANDBOX_BUILD=$BUILD_DIR top_srcdir=$TOP srcdir=$TOP "$@"); }

# --- Docker Engine

# An engine that cannot start a container (one inside an ordinary container, say) is none.
find_engine() {
    NO_ENGINE=
    say ""
    say "== Docker Engine"
    if ! engine_answers && ! (start_engine); then
        NO_ENGINE="no Docker Engine starts on this machine; why is in $LOG_DIR/dockerd.log"
    elif ! probe_engine >"$LOG_DIR/engine-probe.log" 2>&1; then
        NO_ENGINE="the Docker Engine cannot start a container here: $(tail -n 1 "$LOG_DIR/engine-probe.log")"
        stop_part dockerd 30
    else
        build_images
    fi
    [ -z "$NO_ENGINE" ] || note "$NO_ENGINE"
}

# The smallest image there is: the executor alone, which says its version.
probe_engine() {
    local image
    export DOCKER_HOST=unix://$DOCKER_SOCKET
    image=$(tar -C "$BUILD_DIR/executor" -c sandbox-executor | docker import -) || return 1
    docker run --rm --network none "$image" /sandbox-executor --version && docker rmi "$image"
}

build_images() {
    run_step "Images of python-basic and nodejs-basic" images "$TOP/images/build.sh" python-basic nodejs-basic
}

# --- end to end

test_stack() { # NAME COMMAND
    SANDBOX_HOME=$HOME_DIR/$1 "$TOP/quickstart.sh" "$2" 9>&-
}

stop_test_stack() { # NAME
    test_stack "$1" stop || return
    unset "STACKS[$1]"
}

test_e2e() { # NAME RUNTIME PORT BUILD CONFIGURE WEB [AFTERWARDS [SET OF TESTS]]
    local name=$1 log=$HOME_DIR/$1/log
    export SANDBOX_RUNTIME=$2 SANDBOX_PORT=$3 SANDBOX_BUILD=$4 SANDBOX_CONFIGURE=$5 SANDBOX_WEB=$6 SANDBOX_TLS=0
    while tcp_port_taken "$SANDBOX_PORT"; do
        SANDBOX_PORT=$((SANDBOX_PORT + 100))
    done
    rm -rf "${HOME_DIR:?}/$name"
    STACKS[$name]=yes
    say ""
    say "== stack for e2e, $name, on port $SANDBOX_PORT"
    if ! SANDBOX_SKIP_IMAGES=yes test_stack "$name" start; then
        count_failure "the stack does not start"
        stop_test_stack "$name" || true
        return
    fi
    SANDBOX_HOME=$HOME_DIR/$name run_suite "e2e, $name" /usr/bin/python3 "$TOP/tests/e2e/run.py" ${8:+"$8"}
    [ -z "${7:-}" ] || "$7" "$name"
    stop_test_stack "$name" || count_failure "the stack does not stop"
    check_leftovers "$name" "/var/lib/sandbox-$SANDBOX_PORT"
    check_reports "$log"
}

# The same stack behind Apache, and behind each web server with TLS.
test_webs() { # NAME
    test_web "$1" apache 0 --web
    test_web "$1" apache 1 test_tls test_reference
    test_web "$1" lighttpd 1 test_tls test_reference
}

test_web() { # NAME WEB TLS TESTS...
    local name=$1
    export SANDBOX_WEB=$2 SANDBOX_TLS=$3
    shift 3
    if ! SANDBOX_SKIP_IMAGES=yes test_stack "$name" start; then
        count_failure "the stack does not start with $SANDBOX_WEB, TLS $SANDBOX_TLS"
        return
    fi
    SANDBOX_HOME=$HOME_DIR/$name run_suite "e2e, $name, $SANDBOX_WEB$([ "$SANDBOX_TLS" = 0 ] || printf ' with TLS')" \
        /usr/bin/python3 "$TOP/tests/e2e/run.py" "$@"
}

# After stop nothing of the stack may be left: no process, no container, no directory.
check_leftovers() { # NAME DIRECTORY
    local left=() pid
    for pid in $(pids_with "$2/"); do
        left+=("process $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-150)")
    done
    [ ! -e "$2" ] || left+=("$2")
    if [ "$SANDBOX_RUNTIME" = docker ] && [ -n "$(docker ps -aq --filter "label=sandbox.installation=$2/c")" ]; then
        left+=("containers")
    fi
    if [ ${#left[@]} -eq 0 ]; then
        PASSED=$((PASSED + 1))
        say "  ok: nothing of $1 is left after stop"
    else
        count_failure "left after stop of $1: $(printf '%s; ' "${left[@]}")"
    fi
}

# Sanitizers' reports in the logs are failures, whatever the clients saw.
check_reports() { # LOG DIRECTORY
    [[ $SANDBOX_CONFIGURE == *sanitizers* ]] || return 0
    local found
    found=$(grep -lE 'ERROR: (Address|Leak)Sanitizer|runtime error: ' "$1"/*.log 2>/dev/null || true)
    if [ -z "$found" ]; then
        PASSED=$((PASSED + 1))
        say "  ok: no report of a sanitizer in the logs"
        return
    fi
    count_failure "reports of a sanitizer in $found"
    # shellcheck disable=SC2086
    grep -hE -A 25 'ERROR: (Address|Leak)Sanitizer|runtime error: ' $found | head -n 80
}
