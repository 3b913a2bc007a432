#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The web tier holds no key to an engine or an executor (architecture, invariant 1): no HTTP client that reaches one, no runtime driver,
# no executor client is linked into sandbox-api. It has lib/io/web, for S3, and that knows no unix sockets, which engines listen on.
# check-web-tier.sh [BUILD DIRECTORY]
set -u
program=${1:-.}/fcgi/sandbox-api
failures=0 checks=0

check() { # NAME, and lines that should not be there
    checks=$((checks + 1))
    [ -z "$2" ] && return
    failures=$((failures + 1))
    printf 'check-web-tier: %s\n%s\n' "$1" "$2"
}

[ -x "$program" ] || { echo "check-web-tier: $program is not built"; exit 1; }
web=$(dirname "$0")/../lib/io/web.c
symbols=$(nm "$program") || exit 1
[ -n "$symbols" ] || { echo "check-web-tier: $program has no symbols to look at"; exit 1; }
check "the HTTP client of executors and engines is linked in" "$(printf '%s\n' "$symbols" | grep -E ' [TtU] (curl_multi_[a-z_]+|http_(new|start|run|fetch))(@|$)')"
check "lib/io/web could reach a unix socket, or be sent elsewhere" "$(grep -nE 'UNIX_SOCKET|FOLLOWLOCATION, 1|OPENSOCKET|CONNECT_TO|OPT_RESOLVE' "$web")"
check "lib/io/web does not say which protocols it speaks" "$(grep -q 'CURLOPT_PROTOCOLS_STR, "http,https"' "$web" || echo 'no CURLOPT_PROTOCOLS_STR')"
check "lib/io/web does not verify the server" "$(grep -q 'VERIFYPEER, 1L' "$web" && grep -q 'VERIFYHOST, 2L' "$web" || echo 'no SSL_VERIFY...')"
check "a runtime is linked in" "$(printf '%s\n' "$symbols" |
    grep -E ' [TtU] (runtime_(open|create|destroy|inspect|list|info|logs|usage)|docker_|process_create|spawn_(start|collect))')"
check "the executor client is linked in" "$(printf '%s\n' "$symbols" | grep -E ' [TtU] execclient_')"
check "settings and services are not there: this test looks at the wrong thing" \
    "$(printf '%s\n' "$symbols" | grep -qE ' [Tt] session_service_create$' || echo 'no session_service_create')"
[ "$failures" -eq 0 ] && share=100 || share=$((100 * (checks - failures) / checks))
echo "$share%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
