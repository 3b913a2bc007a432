#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the embedded stack with the process runtime: latencies, a burst on the warm pool, transfers of files.  bench/run.sh [COUNT]
# With SANDBOX_RUNTIME=docker, in a home of its own: also cold creations beside docker run.
# With SANDBOX_STORAGE=s3 in a home of its own: transfers with that driver.
# It starts the stack if need be (build it first: ./quickstart.sh up) and leaves it as it found it.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
export SANDBOX_HOME=${SANDBOX_HOME:-$top/var} SANDBOX_PORT=${SANDBOX_PORT:-8000} SANDBOX_RUNTIME=${SANDBOX_RUNTIME:-process}
was_running=yes
"$top/quickstart.sh" status >/dev/null 2>&1 || was_running=no
"$top/quickstart.sh" start
/usr/bin/python3 "$top/bench/latency.py" "$@"
/usr/bin/python3 "$top/bench/pool.py"
[ "$SANDBOX_RUNTIME" != docker ] || /usr/bin/python3 "$top/bench/cold.py"
build=${SANDBOX_BUILD:-$SANDBOX_HOME/build}
make -s -C "$build" bench/empty_fcgi
/usr/bin/python3 "$top/bench/get_session.py" "$build/bench/empty_fcgi"
/usr/bin/python3 "$top/bench/transfer.py" "$build/bench/empty_fcgi"
[ "$was_running" = yes ] || "$top/quickstart.sh" stop
