#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes each file given as a C array, named after the file without its ending.
set -eu
echo '/* SPDX-License-Identifier: Apache-2.0 */'
echo '/* Generated from executor/runners/. */'
echo '#include "executor/runners.h"'
for file in "$@"; do
    name=$(basename "$file")
    name=${name%.*}
    printf 'const char runner_%s[] = {\n' "$name"
    od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    printf '};\nconst size_t runner_%s_len = sizeof(runner_%s);\n' "$name" "$name"
done
