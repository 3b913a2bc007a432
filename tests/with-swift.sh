#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command with a private S3 server: tests/with-swift.sh COMMAND [ARGUMENT...]
#
# OpenStack Swift with its s3api, on loopback, with its data in a temporary directory. The command sees SANDBOX_TEST_S3_URL,
# SANDBOX_TEST_S3_ACCESS_KEY, SANDBOX_TEST_S3_SECRET_KEY, SANDBOX_TEST_S3_BUCKET and SANDBOX_TEST_S3_REGION. If SANDBOX_TEST_S3_URL is set
# already, the command runs against that server. Where Swift is not installed, it runs without any, and S3's tests say so.
set -u

[ $# -gt 0 ] || { echo "usage: with-swift.sh COMMAND [ARGUMENT...]" >&2; exit 2; }
[ -z "${SANDBOX_TEST_S3_URL:-}" ] || exec "$@"
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=/dev/null
. "$here/etc/quickstart/swift.sh"
swift_there || exec "$@"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-s3.XXXXXX")

finish() {
    status=$?
    trap - EXIT HUP INT TERM
    stop_swift "$dir"
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

start_swift "$dir" || exit 1
SANDBOX_TEST_S3_URL=$(cat "$dir/ready")
SANDBOX_TEST_S3_ACCESS_KEY=$SWIFT_ACCESS_KEY
SANDBOX_TEST_S3_SECRET_KEY=$(cat "$dir/secret")
SANDBOX_TEST_S3_BUCKET=$SWIFT_BUCKET
SANDBOX_TEST_S3_REGION=us-east-1
export SANDBOX_TEST_S3_URL SANDBOX_TEST_S3_ACCESS_KEY SANDBOX_TEST_S3_SECRET_KEY SANDBOX_TEST_S3_BUCKET SANDBOX_TEST_S3_REGION
"$@"
