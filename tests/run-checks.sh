#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs check programs one after the other and counts their cases:  run-checks.sh PROGRAM...
# CHECK_WRAPPER (tests/with-mariadb.sh) runs each: a program that ends its database does not take the others along.
# A program that exits 77 is skipped, one that ends without a count has failed. Ends with: N passed, N failed, N skipped
set -u
passed=0 failed=0 skipped=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

for program in "$@"; do
    began=$(date +%s)
    CK_VERBOSITY=normal timeout -k 5 "${CHECK_LIMIT:-300}" ${CHECK_WRAPPER:-} "$program" > "$output" 2>&1
    code=$?
    # "97%: Checks: 41, Failures: 1, Errors: 0", once a runner
    counts=$(awk -F '[ ,%:]+' '/^[0-9]+%: Checks: / { n += $3; bad += $5 + $7; seen = 1 } END { if (seen) print n, bad }' "$output")
    checks=${counts% *} bad=${counts#* }
    name=${program##*/}
    seconds=$(($(date +%s) - began))
    if [ "$code" -eq 77 ]; then
        skipped=$((skipped + 1))
        printf '    skip  %-52s %s\n' "$name" "$(tail -n 1 "$output")"
        continue
    fi
    if [ -z "$counts" ]; then
        checks=1 bad=1
    elif [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        # every case was fine, and then the program was not: a leak, a crash at its end
        checks=$((checks + 1)) bad=1
    fi
    passed=$((passed + checks - bad))
    failed=$((failed + bad))
    if [ "$bad" -eq 0 ]; then
        printf '    ok    %-52s %4d cases %4d s\n' "$name" "$checks" "$seconds"
    else
        printf '    FAIL  %-52s exit code %d, %d of %d cases failed\n' "$name" "$code" "$bad" "$checks"
        grep -v ':P:' "$output" | tail -n 60
    fi
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
