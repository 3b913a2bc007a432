#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The schedule of bench/soak.py: the same seed gives the same faults, another gives others, none ends after the run, no kind is forgotten.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
checks=0 failures=0
check() { # WHAT COMMAND...
    what=$1
    shift
    checks=$((checks + 1))
    "$@" || { failures=$((failures + 1)); echo "check-soak: $what"; }
}
schedule() { /usr/bin/python3 "$here/../bench/soak.py" --schedule --minutes 30 "$@"; }
differ() { ! cmp -s "$1" "$2"; }
inside() { awk '{ if ($1 < 0 || $1 > 1800) exit 1 } END { exit NR < 50 }' "$1"; }
kinds() { /usr/bin/python3 -c 'import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/../bench/soak")
from schedule import KINDS
sys.exit(any(kind not in open(sys.argv[2]).read() for kind in KINDS))' "$here" "$1"; }

schedule --seed 7 --runtime docker >"$dir/one"
schedule --seed 7 --runtime docker >"$dir/again"
schedule --seed 8 --runtime docker >"$dir/other"
schedule --seed 7 >"$dir/process"
check "the same seed, another schedule" cmp -s "$dir/one" "$dir/again"
check "another seed, the same schedule" differ "$dir/one" "$dir/other"
check "faults outside of the run, or too few" inside "$dir/one"
check "a kind of fault that never comes" kinds "$dir/one"
check "the engine is killed though there is none" sh -c '! grep -q engine "$1"' sh "$dir/process"
[ "$failures" -eq 0 ] && share=100 || share=$((100 * (checks - failures) / checks))
echo "$share%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
