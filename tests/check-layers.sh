#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The layers: fails on an upward, sideways or circular include, SQL outside lib/repo, logging libraries, files over 400
# lines and functions over 50.   check-layers.sh [DIRECTORY]   or   check-layers.sh --self-test
set -eu

# room | what it may include besides itself
rooms() {
    cat <<'TABLE'
lib/util|
lib/model|lib/util
lib/wire|lib/model lib/util
lib/io|lib/model lib/util
lib/repo|lib/io lib/model lib/util
lib/runtime|lib/io lib/wire lib/model lib/util
lib/storage|lib/io lib/model lib/util
lib/execclient|lib/io lib/wire lib/model lib/util
lib/service|lib/repo lib/runtime lib/storage lib/execclient lib/io lib/wire lib/model lib/util
fcgi|lib/service lib/io lib/model lib/util
jobs|lib/service lib/repo lib/runtime lib/storage lib/execclient lib/io lib/wire lib/model lib/util
executor|lib/wire lib/model lib/util
TABLE
}

sources() { find lib fcgi jobs executor -name '*.[ch]' 2> /dev/null | sort; }

check_includes() {
    sources | while read -r file; do
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" | sed "s|^|$file |"
    done > "$work/includes"
    rooms > "$work/rooms"
    awk -v quote='"' '
        FNR == NR { split($0, row, "|"); allowed[row[1]] = " " row[1] " " row[2] " "; next }
        function room_of(path,   r, best) {
            best = ""
            for (r in allowed)
                if (index(path, r "/") == 1 && length(r) > length(best)) best = r
            return best
        }
        {
            from = room_of($1); to = room_of($2)
            if ($2 == "config.h") next
            if (to == "") { print $1 ": includes " quote $2 quote ", which is not rooted at a room of the repository"; next }
            if (index(allowed[from], " " to " ") == 0)
                print $1 ": " from " must not see " to " (" $2 ")"
        }' "$work/rooms" "$work/includes"
}

# Headers that reach themselves through includes.
check_circles() {
    grep '\.h ' "$work/includes" > "$work/edges" || true
    awk '
        { edge[$1] = edge[$1] " " $2; seen[$1] = 1 }
        function visit(node, path,   list, n, i) {
            if (done[node]) return
            if (index(path, " " node " ")) { print node ": circular include:" path node; return }
            n = split(edge[node], list, " ")
            for (i = 1; i <= n; i++) visit(list[i], path node " ")
            done[node] = 1
        }
        END { for (node in seen) visit(node, " ") }' "$work/edges"
}

check_sql() {
    sources | grep -v '^lib/repo/' | while read -r file; do
        grep -nE '"[[:space:]]*(SELECT [a-zA-Z0-9_*(`.]+[ ,(].*|INSERT (IGNORE )?INTO [a-z]|UPDATE [a-z_]+ SET |DELETE FROM [a-z]|CREATE TABLE |ALTER TABLE )' "$file" |
            sed "s|^|$file:|; s|\$|   <- SQL belongs into lib/repo|"
    done
}

# Only entry points log: fcgi, jobs, executor.
check_logging() {
    sources | grep '^lib/' | grep -v '^lib/util/log\.[ch]$' | while read -r file; do
        grep -nE '(^|[^a-z_])(log_event|log_write|log_err|fprintf\(stderr|perror)\(?' "$file" |
            sed "s|^|$file:|; s|\$|   <- a library does not log; it returns errors|"
    done
}

check_sizes() {
    sources > "$work/files"
    find tests bench etc images quickstart.sh \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \) 2> /dev/null >> "$work/files" || true
    while read -r file; do
        awk -v file="$file" '
            END { if (NR > 400) print file ": " NR " lines; 400 are the limit" }
            file !~ /\.[ch]$/ { next }
            /^[A-Za-z_].*\(/ && !/;[[:space:]]*$/ { name = $0 }
            /^\{/ { start = NR }
            /^\}/ { if (start && NR - start - 1 > 50) print file ":" start ": " NR - start - 1 " lines in one function; 50 are the limit: " name; start = 0 }
        ' "$file"
    done < "$work/files"
}

run_checks() {
    work=$(mktemp -d)
    { check_includes; check_circles; check_sql; check_logging; check_sizes; } > "$work/found"
    cat "$work/found"
    count=$(wc -l < "$work/found")
    rm -rf "$work"
    [ "$count" -eq 0 ]
}

# Plants one violation of each kind in a tree of its own: each must be found, and a clean tree must pass.
plant() { # WHAT FILE TEXT EXPECTED
    rm -rf "$tree" && mkdir -p "$tree/lib/util" "$tree/lib/repo" "$tree/lib/io" "$tree/lib/runtime" "$tree/fcgi" "$tree/executor"
    printf '#include "lib/util/a.h"\n#include <stdio.h>\n' > "$tree/lib/repo/fine.c"
    printf 'int a(void);\n' > "$tree/lib/util/a.h"
    # shellcheck disable=SC2059
    [ -z "$2" ] || printf "$3" > "$tree/$2"
    if output=$(cd "$tree" && run_checks); then found=nothing; else found=$output; fi
    case $found in
        *"$4"*) echo "ok: $1" ;;
        *) echo "NOT OK: $1: expected \"$4\", found: $found"; failed=1 ;;
    esac
}

self_test() {
    tree=$(mktemp -d)/tree
    failed=0
    plant "clean tree" "" "" "nothing"
    plant "upward" lib/util/b.c '#include "lib/repo/x.h"\n' "lib/util must not see lib/repo"
    plant "sideways" lib/repo/b.c '#include "lib/runtime/x.h"\n' "lib/repo must not see lib/runtime"
    plant "roof to roof" fcgi/b.c '#include "jobs/x.h"\n' "fcgi must not see jobs"
    plant "web tier and engine" fcgi/b.c '  #  include "lib/runtime/runtime.h"\n' "fcgi must not see lib/runtime"
    plant "executor" executor/b.c '#include "lib/io/db.h"\n' "executor must not see lib/io"
    plant "not rooted" lib/repo/b.c '#include "list.h"\n' "not rooted"
    plant "circle" lib/util/a.h '#include "lib/util/a.h"\n' "circular include"
    plant "SQL" fcgi/b.c 'const char *q = "SELECT id FROM sessions";\n' "SQL belongs into lib/repo"
    plant "logging" lib/repo/b.c 'void f(void) { log_event(1, "x"); }\n' "a library does not log"
    plant "long file" lib/util/b.c "$(yes 'int x;' | head -n 401 | tr '\n' '~' | sed 's/~/\\n/g')" "401 lines"
    plant "long function" lib/util/b.c "int f(void)\n{\n$(yes '    f();' | head -n 51 | tr '\n' '~' | sed 's/~/\\n/g')}\n" "51 lines in one function"
    rm -rf "$(dirname "$tree")"
    return $failed
}

if [ "${1:-}" = --self-test ]; then
    self_test
else
    cd "${1:-$(dirname "$0")/..}"
    run_checks
fi
