#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A normal build holds no failure point; one for tests (--enable-failpoints) holds each that the sources name, and says so when it is asked for
# one that it has not.   check-failpoints.sh [BUILD DIRECTORY]
set -u
build=$(cd "${1:-.}" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
failures=0 checks=0

check() { # NAME, and lines that should not be there
    checks=$((checks + 1))
    [ -z "$2" ] && return
    failures=$((failures + 1))
    printf 'check-failpoints: %s\n%s\n' "$1" "$2"
}

named() { grep -rhoE 'FAILPOINT(_FAILS)?\("[a-z.-]+"' "$source/lib" "$source/jobs" "$source/fcgi" "$source/executor" --include='*.c' | cut -d '"' -f 2 | sort -u; }
programs=$(find "$build/jobs" "$build/fcgi" "$build/executor" -maxdepth 1 -type f -name 'sandbox*' -perm -u+x ! -name '*.o')
listed() { for program in $programs; do nm "$program" 2>/dev/null | grep -q failpoint_pass && SANDBOX_FAILPOINTS=list "$program"; done | sort -u; }
unknown() { SANDBOX_FAILPOINTS=nowhere.at-all=kill "$build/jobs/sandbox-reap" --version 2>&1; echo "$?"; }

[ -n "$(named)" ] || { echo "check-failpoints: no failure point in the sources: this test looks at the wrong thing"; exit 1; }
if grep -q '^SANDBOX_CFLAGS = .*-DSANDBOX_FAILPOINTS' "$build/Makefile"; then
    check "named in the sources, but in no program, or the other way round" "$(named >"${TMPDIR:-/tmp}/named.$$"; listed | diff "${TMPDIR:-/tmp}/named.$$" -; rm -f "${TMPDIR:-/tmp}/named.$$")"
    check "a name that is none is taken" "$(unknown | grep -q '^64$' || unknown)"
else
    # shellcheck disable=SC2086
    check "failure points in a normal build" "$(named | while read -r name; do grep -lF "$name" $programs | sed "s|\$|: $name|"; done)"
    # shellcheck disable=SC2086
    check "their machinery in a normal build" "$(for program in $programs; do nm "$program" | grep -E ' failpoint_(pass|fails|arm)$' | sed "s|^|$program|"; done)"
fi
[ "$failures" -eq 0 ] && share=100 || share=$((100 * (checks - failures) / checks))
echo "$share%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
