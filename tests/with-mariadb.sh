#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command with a private MariaDB: tests/with-mariadb.sh COMMAND [ARGUMENT...]
#
# The server listens on a unix socket in a temporary directory only and touches nothing of the system's own. The
# command sees SANDBOX_CONFIG (a settings file), SANDBOX_BUILD, SANDBOX_TEST_DB_SOCKET, SANDBOX_TEST_DB_START (a command that starts the
# server again) and SANDBOX_TEST_DB_PID_FILE. Migrations are applied by the sandboxctl in $SANDBOX_BUILD (default: .).
# SANDBOX_TEST_DB_FILES names a directory where the files of an empty server are kept: made when it is missing, copied from then on.
# SANDBOX_TEST_DB_OPTIONS adds server options; SANDBOX_TEST_NO_MIGRATE leaves the database empty.
set -eu

[ $# -gt 0 ] || { echo "usage: with-mariadb.sh COMMAND [ARGUMENT...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${SANDBOX_BUILD:-.}" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-db.XXXXXX")
pid_file=$dir/server.pid
socket=$dir/server.sock
log=$dir/server.log

# Its files go with it: there is nothing to be written out, nor to be waited for (giving back its memory takes it a second).
stop_server() {
    [ ! -s "$pid_file" ] || kill -9 "$(cat "$pid_file")" 2>/dev/null || true
}
finish() {
    status=$?
    trap - EXIT HUP INT TERM
    stop_server
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "with-mariadb.sh: $1" >&2
    [ ! -s "$log" ] || tail -n 30 "$log" >&2
    exit 1
}

PATH=$PATH:/usr/sbin:/sbin
command -v mariadbd >/dev/null || fail "mariadbd is missing: install mariadb-server"
as_user=
if [ "$(id -u)" = 0 ]; then
    as_user=--user=mysql
    id mysql >/dev/null 2>&1 && chown mysql "$dir" || as_user=--user=root
    chmod 755 "$dir"
fi
# Of its own: a server that starts removes what it takes for leftovers in the directory for temporary files, other servers' too.
mkdir "$dir/tmp"
[ "$as_user" != --user=mysql ] || chown mysql "$dir/tmp"

new_files() {
    mariadb-install-db --no-defaults $as_user --datadir="$1" --tmpdir="$dir/tmp" --auth-root-authentication-method=normal \
        --skip-test-db --skip-name-resolve >"$log" 2>&1 || fail "mariadb-install-db failed"
}
if [ -z "${SANDBOX_TEST_DB_FILES:-}" ]; then
    new_files "$dir/data"
else
    if [ ! -d "$SANDBOX_TEST_DB_FILES" ]; then # whole or not at all: another one may do the same just now
        new_files "$dir/new"
        cp -a --sparse=always "$dir/new" "$SANDBOX_TEST_DB_FILES.$$"
        mv -T "$SANDBOX_TEST_DB_FILES.$$" "$SANDBOX_TEST_DB_FILES" 2>/dev/null || rm -rf "$SANDBOX_TEST_DB_FILES.$$"
    fi
    cp -a --sparse=always "$SANDBOX_TEST_DB_FILES" "$dir/data"
fi

cat >"$dir/start" <<START
#!/bin/sh
# Starts the server and waits until it answers.
rm -f "$pid_file"
mariadbd --no-defaults $as_user --datadir="$dir/data" --tmpdir="$dir/tmp" --socket="$socket" --pid-file="$pid_file" \\
    --skip-networking --skip-log-bin --character-set-server=utf8mb4 --innodb-buffer-pool-size=128M \\
    --innodb-log-file-size=96M --max-connections=500 --innodb-buffer-pool-dump-at-shutdown=0 \\
    --innodb-buffer-pool-load-at-startup=0 ${SANDBOX_TEST_DB_OPTIONS:-} </dev/null >>"$log" 2>&1 &
tries=0
until mariadb --no-defaults --socket="$socket" --user=root -e 'SELECT 1' >/dev/null 2>&1; do
    tries=\$((tries + 1))
    [ "\$tries" -lt 1000 ] || exit 1
    sleep 0.03
done
START
chmod 755 "$dir/start"
"$dir/start" || fail "the server did not start"

mariadb --no-defaults --socket="$socket" --user=root <<SQL || fail "the database could not be made"
CREATE DATABASE sandbox;
CREATE USER 'sandbox'@'localhost' IDENTIFIED BY 'test';
GRANT ALL ON sandbox.* TO 'sandbox'@'localhost';
GRANT ALL ON sandbox_two.* TO 'sandbox'@'localhost';
GRANT CONNECTION ADMIN ON *.* TO 'sandbox'@'localhost';
SQL
mkdir "$dir/storage"
cat >"$dir/sandbox.conf" <<CONF
database: {
    socket = "$socket";
    name = "sandbox";
    user = "sandbox";
    password = "test";
};
storage: { directory = "$dir/storage"; };
webhooks: { key = "a key of tests, which everybody knows"; allow = "127.0.0.0/8, ::1"; };
CONF
SANDBOX_CONFIG=$dir/sandbox.conf
SANDBOX_TEST_DB_SOCKET=$socket
SANDBOX_TEST_DB_START=$dir/start
SANDBOX_TEST_DB_PID_FILE=$pid_file
SANDBOX_BUILD=$build
export SANDBOX_BUILD SANDBOX_CONFIG SANDBOX_TEST_DB_SOCKET SANDBOX_TEST_DB_START SANDBOX_TEST_DB_PID_FILE
if [ -z "${SANDBOX_TEST_NO_MIGRATE:-}" ]; then
    "$build/jobs/sandboxctl" migrate --dir "$here/sql" >"$dir/migrate.log" 2>&1 ||
        { cat "$dir/migrate.log" >&2; rm -f "$log"; fail "the migrations failed: is $build/jobs/sandboxctl built?"; }
fi
"$@"
