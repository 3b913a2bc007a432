#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs check programs and counts their cases:  run-checks.sh PROGRAM...
# CHECK_WRAPPER (tests/with-mariadb.sh) runs each: a program that ends its database does not take the others along.
# CHECK_JOBS programs run at once (1); those whose names match CHECK_ALONE run before them, one after the other.
# A program that exits 77 is skipped, one that ends without a count has failed.
# Ends with: N passed, N failed, N skipped
set -u

# One program: says how it went, and leaves "PASSED FAILED SKIPPED" in the file RESULTS.
run_one() { # PROGRAM RESULTS
    name=${1##*/} output=$2.$$ said=$2.$$.said
    began=$(date +%s)
    CK_VERBOSITY=normal timeout -k 5 "${CHECK_LIMIT:-300}" ${CHECK_WRAPPER:-} "$1" > "$output" 2>&1
    code=$?
    # "97%: Checks: 41, Failures: 1, Errors: 0", once a runner
    counts=$(awk -F '[ ,%:]+' '/^[0-9]+%: Checks: / { n += $3; bad += $5 + $7; seen = 1 } END { if (seen) print n, bad }' "$output")
    checks=${counts% *} bad=${counts#* }
    seconds=$(($(date +%s) - began))
    if [ "$code" -eq 77 ]; then
        printf '    skip  %-52s %s\n' "$name" "$(tail -n 1 "$output")"
        echo "0 0 1" >> "$2"
        return
    fi
    if [ -z "$counts" ]; then
        checks=1 bad=1
    elif [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        # every case was fine, and then the program was not: a leak, a crash at its end
        checks=$((checks + 1)) bad=1
    fi
    if [ "$bad" -eq 0 ]; then
        printf '    ok    %-52s %4d cases %4d s\n' "$name" "$checks" "$seconds"
    else
        {
            printf '    FAIL  %-52s exit code %d, %d of %d cases failed\n' "$name" "$code" "$bad" "$checks"
            grep -v ':P:' "$output" | tail -n 60
        } > "$said"
        cat "$said" # at once, not among what others say
    fi
    echo "$((checks - bad)) $bad 0" >> "$2"
}

if [ "${1:-}" = --one ]; then
    run_one "$3" "$2"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/results"
for program in "$@"; do
    # shellcheck disable=SC2254
    case ${program##*/} in
        ${CHECK_ALONE:-}) run_one "$program" "$work/results" ;;
        *) printf '%s\0' "$program" >> "$work/together" ;;
    esac
done
[ ! -e "$work/together" ] || xargs -0 -n 1 -P "${CHECK_JOBS:-1}" "$0" --one "$work/results" < "$work/together"
ended=$(wc -l < "$work/results")
awk -v missing=$(($# - ended)) '{ passed += $1; failed += $2; skipped += $3 }
    END { failed += missing; printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }' "$work/results"
