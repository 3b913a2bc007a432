# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The bench: builds what it measures, and what it measures with, then leaves the stack to bench/bench.py.

run_bench() {
    (
        take_lock
        choose_web
        choose_storage
        local more=()
        [[ " $* " == *" --runtime process "* || " $* " == *" --runtime=process "* ]] || more=("${DOCKER_PACKAGES[@]}")
        install_packages "${more[@]}"
        build
        run_step "Bench programs" build make -C "$BUILD_DIR" --no-print-directory bench/empty_fcgi bench/http_load
    )
    export SANDBOX_HOME=$HOME_DIR SANDBOX_PORT=$PORT SANDBOX_BUILD=$BUILD_DIR
    exec /usr/bin/python3 "$TOP/bench/bench.py" "$@"
}
