# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# The web server: lighttpd, which starts the workers itself, or Apache with sandbox-api beside it; either with TLS or without.

WORKERS=2

# Where nothing is said, a stack that runs keeps what it has.
choose_web() {
    local port web tls
    read -r port _ web tls _ 2>/dev/null <"$PID_DIR/stack" || true
    [ "${port:-}" = "$PORT" ] || web='' tls=''
    WEB=${SANDBOX_WEB:-${web:-lighttpd}}
    TLS=${SANDBOX_TLS:-${tls:-0}}
    case $WEB in
        lighttpd | apache) ;;
        *) die "SANDBOX_WEB must be lighttpd or apache, not \"$WEB\"" ;;
    esac
    [[ $TLS =~ ^[01]$ ]] || die "SANDBOX_TLS must be 1 or 0, not \"$TLS\""
    set_port_places
}

# The parts that make up the web tier, in the order of their start.
web_parts() { if [ "$WEB" = apache ]; then echo api apache; else echo lighttpd; fi; }

start_web() {
    mkdir -p "$RUN_DIR/$WEB"
    # from the build's own copy of the two packages, if it has one or can get it
    run_step "Pages of the API's document" web-pages sh "$TOP/etc/web-pages.sh" "$LIB_DIR/web" "$BUILD_DIR/web.npm"
    ! grep -q 'is not installed' "$LIB_DIR/web/docs.htm" ||
        note "/docs and /redoc only say how to add them: there is no npm here, or it has no way to its registry"
    sh "$TOP/etc/web-errors.sh" "$RUN_DIR/errors"
    [ "$TLS" != 1 ] || certificate_is_good || run_step "Certificate" web make_certificate
    start_"$WEB"
    wait_for 20 "$WEB" "Web server" "${CURL[@]}" -fsS --max-time 2 "$ADDRESS/health"
}

start_lighttpd() {
    stop_part apache
    stop_part api
    render lighttpd.conf lighttpd-tls.conf
    part_running lighttpd || end_orphaned_workers
    start_part lighttpd "$(web_fingerprint "$BIN_DIR/sandbox-api" "$CONFIG")" \
        "$(command -v lighttpd || echo /usr/sbin/lighttpd)" -D -f "$RUN_DIR/lighttpd/lighttpd.conf"
}

start_apache() {
    stop_part lighttpd
    render apache.conf apache-tls.conf apache-server.conf
    part_running api || end_orphaned_workers
    start_part api "$(fingerprint "$BIN_DIR/sandbox-api" "$CONFIG") $WORKERS" \
        setpriv --reuid=www-data --regid=www-data --init-groups "$BIN_DIR/sandbox-api" --config "$CONFIG" \
        --listen "unix:$RUN_DIR/web/api.sock" --processes "$WORKERS"
    wait_for 20 api "Web workers" test -S "$RUN_DIR/web/api.sock"
    # one that was killed left it, and its number may be somebody's
    part_running apache || rm -f "$RUN_DIR/apache/apache.pid"
    start_part apache "$(web_fingerprint)" \
        "$(command -v apache2 || echo /usr/sbin/apache2)" -D FOREGROUND -f "$RUN_DIR/apache/apache-server.conf"
}

# Makes the settings of a web server from those in etc/.
render() { # FILE...
    local file
    for file in "$@"; do
        sed -e "s|@BIND@|127.0.0.1|; s|@PORT@|$PORT|; s|@USER@|www-data|; s|@GROUP@|www-data|; s|@PROCESSES@|$WORKERS|" \
            -e "s|@ERRORS@|$RUN_DIR/errors|; s|@WEB@|$LIB_DIR/web|; s|@UPLOADS@|$LIB_DIR/uploads|; s|@STORAGE@|$WORKSPACES_DIR|; s|@SOCKET@|$RUN_DIR/web/api.sock|; s|@API_SOCKET@|$RUN_DIR/web/api.sock|; s|@LOGS@||; s|@LOG@|/dev/stderr|" \
            -e "s|@API@|$BIN_DIR/sandbox-api|; s|@CONFIG@|$CONFIG|; s|@CONFDIR@|$RUN_DIR/$WEB|; s|@RUNDIR@|$RUN_DIR/$WEB|" \
            -e "s|@CERT@|$TLS_DIR/cert.pem|; s|@KEY@|$TLS_DIR/key.pem|; s|@TLS@|$([ "$TLS" = 1 ] || printf '#')|" \
            "$TOP/etc/$file.in" >"$RUN_DIR/$WEB/$file"
    done
}

web_fingerprint() { fingerprint "$RUN_DIR/$WEB"/*.conf "$RUN_DIR/errors/apache.conf" "$TLS_DIR/cert.pem" "$@"; }

# Children of an Apache whose parent was killed go on serving, and keep the port.
end_orphaned_apache() {
    local pids pid tries
    for ((tries = 0; tries < 100; tries++)); do
        pids=$(apache_pids)
        [ -n "$pids" ] || return 0
        for pid in $pids; do
            kill -KILL "$pid" 2>/dev/null || true
        done
        sleep 0.05
    done
}

apache_pids() {
    local file pid
    for file in $(grep -laF "$RUN_DIR/apache/apache-server.conf" /proc/[0-9]*/cmdline 2>/dev/null); do
        pid=$(basename "$(dirname "$file")")
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != apache2 ] || printf '%s\n' "$pid"
    done
}

# Workers whose lighttpd or parent was killed must not go on listening, for nobody.
end_orphaned_workers() {
    local pid
    for pid in $(pids_of_program "$BIN_DIR/sandbox-api"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -f "$RUN_DIR"/web/*
}

certificate_is_good() { openssl x509 -in "$TLS_DIR/cert.pem" -noout -checkend $((30 * 86400)) >/dev/null 2>&1; }

# An authority of our own, which signs once: its key is not kept.
make_certificate() {
    local new
    mkdir -p "$TLS_DIR"
    new=$(mktemp -d "$TLS_DIR/.new.XXXXXX")
    (
        cd "$new" || exit
        umask 077
        local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
        printf '%s\n' 'subjectAltName = DNS:localhost, IP:127.0.0.1' 'basicConstraints = critical, CA:FALSE' \
            'extendedKeyUsage = serverAuth' 'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' >extensions
        openssl req -x509 "${key[@]}" -days 398 -subj "/CN=sandbox quickstart authority" -keyout ca.key -out ca.pem &&
            openssl req "${key[@]}" -subj /CN=localhost -keyout key.pem -out request.pem &&
            openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -days 397 \
                -extfile extensions -out cert.pem
    ) && chmod 0644 "$new/ca.pem" && mv "$new"/{ca,cert,key}.pem "$TLS_DIR" && rm -rf "$new"
}
