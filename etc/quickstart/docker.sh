# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The Docker Engine: one that runs is used as it is; else Debian's is started here, and only that is stopped again.

DOCKER_SOCKET=${SANDBOX_DOCKER_SOCKET:-/var/run/docker.sock} # another one: with DOCKER_HOST, too, for who calls docker

engine_answers() { [ -S "$DOCKER_SOCKET" ] && curl -fsS --max-time 3 --unix-socket "$DOCKER_SOCKET" http://docker/_ping >/dev/null 2>&1; }

# auto: docker where an engine answers, else process. A stack that runs keeps what it has.
choose_runtime() {
    local port runtime
    [ "$RUNTIME" = auto ] || return 0
    if read -r port runtime _ 2>/dev/null <"$PID_DIR/stack" && [ "$port" = "$PORT" ]; then
        RUNTIME=$runtime
    elif engine_answers; then
        RUNTIME=docker
    else
        RUNTIME=process
    fi
}

prepare_docker() {
    engine_answers || start_engine
    [ "${SANDBOX_SKIP_IMAGES:-no}" = yes ] || run_step "Image of python-basic" images build_image
}

build_image() { DOCKER_HOST=unix://$DOCKER_SOCKET "$TOP/images/build.sh" python-basic; }

start_engine() {
    command -v dockerd >/dev/null ||
        die "no Docker Engine answers on $DOCKER_SOCKET and dockerd is not installed: run SANDBOX_RUNTIME=docker ./quickstart.sh up"
    mount_cgroups
    remove_stale /var/run/docker.pid dockerd
    remove_stale /var/run/docker/containerd/containerd.pid containerd
    try_engine || {
        note "dockerd did not start with its network; trying without (sandboxes have none by default)"
        stop_part dockerd
        try_engine --bridge=none --iptables=false --ip6tables=false
    } || fail_step "Docker Engine (dockerd does not start on this machine)" "$LOG_DIR/dockerd.log"
}

# A pid file that an engine left when it was killed, and whose number may be another process' by now, stops the next one.
remove_stale() { # FILE PROGRAM
    local pid
    [ -f "$1" ] || return 0
    pid=$(cat "$1")
    if ! start_time_of "$pid" >/dev/null || [ "$(cat "/proc/$pid/comm")" != "$2" ]; then
        rm -f "$1"
    fi
}

try_engine() { # DOCKERD ARGUMENTS...
    local began
    began=$(now_ms)
    start_part dockerd "$*" dockerd --host "unix://$DOCKER_SOCKET" "$@"
    until engine_answers; do
        part_running dockerd || return 1
        [ $(($(now_ms) - began)) -lt 40000 ] || return 1
        sleep 0.2
    done
    say "$(printf '  %-52s %6s s' "Docker Engine" "$(seconds_since "$began")")"
}

# Machines without an init system may have no control groups mounted, and dockerd needs them.
mount_cgroups() {
    ! mountpoint -q /sys/fs/cgroup || return 0
    note "mounting the control groups on /sys/fs/cgroup"
    if grep -qw cgroup2 /proc/filesystems && mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null &&
        grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
        return 0
    fi
    umount /sys/fs/cgroup 2>/dev/null || true
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups | while read -r controller; do
        mkdir -p "/sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
    done
}
