# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# A MariaDB of our own: its data under $SANDBOX_HOME, a unix socket and no network.

# The server's user: mysql, if that user can reach the data.
database_user() {
    if id mysql >/dev/null 2>&1 && reachable_by mysql "$HOME_DIR"; then
        printf mysql
    else
        printf root
    fi
}

reachable_by() { setpriv --reuid="$1" --clear-groups --regid="$(id -g "$1")" test -x "$2" 2>/dev/null; }

start_database() {
    local user before
    user=$(database_user)
    [ "$user" = mysql ] || note "MariaDB runs as root: user mysql cannot reach $HOME_DIR"
    if [ ! -d "$DB_DIR/mysql" ]; then
        run_step "Database files" mariadbd make_database "$user"
    fi
    chown "$user" "$DB_DIR"
    install -d -m 0700 -o "$user" "$DB_DIR-tmp"
    before=$(part_pid mariadbd || true)
    start_part mariadbd "$user $DB_SOCKET v2" "$(command -v mariadbd || echo /usr/sbin/mariadbd)" --no-defaults \
        --user="$user" --datadir="$DB_DIR" --tmpdir="$DB_DIR-tmp" --socket="$DB_SOCKET" --pid-file="$DB_DIR/mariadbd.pid" \
        --skip-networking --skip-name-resolve --max-connections=300 --back-log=300 \
        --innodb-buffer-pool-size=128M --innodb-log-file-size=96M --innodb-flush-log-at-trx-commit=1 \
        --max-allowed-packet=32M --character-set-server=utf8mb4 --performance-schema=OFF
    wait_for 60 mariadbd "MariaDB" database_query 'SELECT 1'
    [ "$before" = "$(part_pid mariadbd)" ] || make_database_user
}

# A server that starts removes leftovers from its directory for temporary files, other servers' too: hence one of its own.
make_database() { # USER
    rm -rf "$DB_DIR"
    install -d -m 0700 -o "$1" "$DB_DIR" "$DB_DIR-tmp"
    mariadb-install-db --no-defaults --user="$1" --datadir="$DB_DIR" --tmpdir="$DB_DIR-tmp" --auth-root-authentication-method=socket \
        --auth-root-socket-user=root --skip-test-db
}

database_query() { # SQL (constants of this script only)
    mariadb --no-defaults --socket="$DB_SOCKET" --user=root --batch --skip-column-names --execute "$1"
}

database_password() {
    local file=$HOME_DIR/db-password
    if [ ! -s "$file" ]; then
        (umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$file")
    fi
    cat "$file"
}

make_database_user() {
    local password
    password=$(database_password)
    printf "CREATE DATABASE IF NOT EXISTS sandbox CHARACTER SET utf8mb4;
            CREATE OR REPLACE USER 'sandbox'@'localhost' IDENTIFIED BY '%s';
            GRANT ALL ON sandbox.* TO 'sandbox'@'localhost';\n" "$password" |
        mariadb --no-defaults --socket="$DB_SOCKET" --user=root >>"$LOG_DIR/mariadbd.log" 2>&1 ||
        fail_step "Database user" "$LOG_DIR/mariadbd.log"
}
