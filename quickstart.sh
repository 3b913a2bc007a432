#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to a running sandbox control plane: packages, build, embedded stack, a first session.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: ./quickstart.sh [COMMAND]

  up        (default) install what is missing, build, start the embedded stack, run a first session through it
  start     start what does not run; no packages, no build, no first session
  status    each part: process, uptime, health, and the isolation in force
  logs      the last lines of every log;  logs NAME [LINES]  of one, more of them
  stop      end every sandbox and every part
  test      build and run all tests, in a home and on ports of their own;  test --long  fuzzes, too, a minute a target
  bench     measure the stack beside the machine's own limits, in a home and on a port of its own;  bench --quick  takes
            a few minutes, bench --help  says the rest

environment:
  SANDBOX_HOME     where the stack keeps everything of its own   (./var; test: ./var-test; bench: ./var-bench)
  SANDBOX_PORT     where it listens on 127.0.0.1                 (8000; test: from 18000; bench: 22800)
  SANDBOX_RUNTIME  process, docker, or auto: docker if an engine answers  (auto)
  SANDBOX_WEB      lighttpd or apache                           (lighttpd)
  SANDBOX_STORAGE  where files are kept: file, or s3 (OpenStack Swift, started here, in $SANDBOX_HOME/swift)  (file)
  SANDBOX_TLS      1: https, with a certificate of its own making, in $SANDBOX_HOME/tls  (0)
  SANDBOX_BUILD    build directory                         ($SANDBOX_HOME/build)
  SANDBOX_CONFIGURE  arguments for ./configure, e.g. --enable-sanitizers
  SANDBOX_CONTAINERS  most sandboxes at once        (one for each 64 MiB of the machine's memory, 256 at most; bench: 1200)
  SANDBOX_THREADS  threads of a web worker                      (48; bench: 32)
  SANDBOX_LONG     1: test is test --long

It runs as root, or through sudo. It leaves the machine's own MariaDB, web server and Docker Engine as they are.
TEXT
}

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
COMMAND=${1:-up}
[ $# -eq 0 ] || shift
case $COMMAND in
    up | start | status | logs | stop | test | bench) ;;
    -h | --help | help) usage; exit 0 ;;
    *) printf 'quickstart: there is no command "%s"\n\n' "$COMMAND" >&2; usage >&2; exit 2 ;;
esac

for part in common packages build database swift docker stack web stop workflow report; do
    # shellcheck source=/dev/null
    . "$TOP/etc/quickstart/$part.sh"
done
set_places
[[ $COMMAND != bench || ! " $* " =~ \ (-h|--help|--from.*)\  ]] || exec /usr/bin/python3 "$TOP/bench/bench.py" "$@"
become_root "$COMMAND" "$@"

case $COMMAND in
    up)
        start_clock
        take_lock
        choose_runtime
        choose_web
        choose_storage
        install_packages
        build
        start_stack
        first_session
        show_summary
        ;;
    start)
        start_clock
        take_lock
        choose_runtime
        choose_web
        choose_storage
        start_stack
        ;;
    stop)
        start_clock
        take_lock
        remember_stack
        stop_stack
        ;;
    status) remember_stack; show_status ;;
    logs) show_logs "$@" ;;
    test)
        # shellcheck source=/dev/null
        . "$TOP/etc/quickstart/test.sh"
        start_clock
        run_tests "$@"
        ;;
    bench)
        # shellcheck source=/dev/null
        . "$TOP/etc/quickstart/bench.sh"
        start_clock
        run_bench "$@"
        ;;
esac
