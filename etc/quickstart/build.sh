# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The build, out of tree, and the programs' copy that web workers and sandboxes can reach.

PROGRAMS=(fcgi/sandbox-api jobs/sandbox-dispatchd jobs/sandbox-provisiond jobs/sandbox-reap jobs/sandbox-pool
    jobs/sandbox-purge
    jobs/sandbox-probe jobs/sandbox-webhookd
    jobs/sandboxctl executor/sandbox-executor)

build() {
    local jobs
    jobs=$(nproc 2>/dev/null || echo 2)
    mkdir -p "$BUILD_DIR"
    [ -x "$TOP/configure" ] || run_step "autogen.sh" build "$TOP/autogen.sh"
    if [ ! -f "$BUILD_DIR/config.status" ] || [ "$(cat "$BUILD_DIR/.configured" 2>/dev/null)" != "${SANDBOX_CONFIGURE:-}" ]; then
        run_step "configure" build configure_build
        printf '%s\n' "${SANDBOX_CONFIGURE:-}" >"$BUILD_DIR/.configured"
    fi
    run_step "Build" build make -C "$BUILD_DIR" -j"$jobs" --no-print-directory
}

configure_build() {
    cd "$BUILD_DIR" || return
    # objects of other flags are of no use
    [ ! -f Makefile ] || make -s clean || true
    # shellcheck disable=SC2086
    "$TOP/configure" --prefix=/usr/local --sysconfdir=/etc --localstatedir=/var ${SANDBOX_CONFIGURE:-}
}

# Copies what changed, and remembers it in CHANGED; a program that runs keeps its old file.
install_programs() {
    local program
    CHANGED=()
    mkdir -p "$BIN_DIR"
    chmod 0755 "$LIB_DIR" "$BIN_DIR"
    for program in "${PROGRAMS[@]}"; do
        [ -x "$BUILD_DIR/$program" ] || die "$BUILD_DIR/$program is missing: run ./quickstart.sh up"
        cmp -s "$BUILD_DIR/$program" "$BIN_DIR/$(basename "$program")" && continue
        install -m 0755 "$BUILD_DIR/$program" "$BIN_DIR/"
        CHANGED+=("$(basename "$program")")
    done
}
