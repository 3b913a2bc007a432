#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzzers that were built with --enable-fuzzers, each for SANDBOX_FUZZ_S seconds (60):  run.sh FUZZER...
# An input that breaks one is left in the current directory (crash-..., timeout-..., oom-...): once mended, it belongs into the corpus.
# Ends with: N passed, N failed
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for fuzzer in "$@"; do
    name=${fuzzer##*/fuzz_}
    mkdir -p "$work/$name"
    "$fuzzer" -max_total_time="${SANDBOX_FUZZ_S:-60}" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        "$work/$name" "$top/tests/fuzz/corpus/$name" >"$work/log" 2>&1
    code=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p' "$work/log" | tail -n 1)
    if [ $code -eq 0 ] && [ "${executions:-0}" -gt 0 ]; then
        passed=$((passed + 1))
        printf '    ok    fuzz_%-20s %10d executions, %s\n' "$name" "$executions" "$coverage"
    else
        failed=$((failed + 1))
        printf '    FAIL  fuzz_%-20s exit code %d\n' "$name" "$code"
        grep -E -A 12 'ERROR: |runtime error: |^fuzz: |Test unit written' "$work/log" | head -n 60
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
