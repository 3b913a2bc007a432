#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What bench/ makes of its samples, without a stack: percentiles, goals, table, JSON, Markdown, pictures; and its load generator against a small server.
set -eu
exec env CHECK_BUILD="$(pwd)" /usr/bin/python3 -B "$(cd "$(dirname "$0")" && pwd)/../bench/check.py"
