#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Docker Engine of a test's own that takes only TLS with client certificates:
#   tls-engine.sh start DIRECTORY PORT   makes certificates, starts it, gives it the image sandbox/shell:test (a shell and a few tools)
#   tls-engine.sh again DIRECTORY PORT   starts it once more
#   tls-engine.sh load DIRECTORY         gives it sandbox/python:3.11-basic, too, from the machine's own engine
#   tls-engine.sh stop DIRECTORY         ends it and all that it started, and removes the directory
# DIRECTORY (short: it holds sockets) gets client/ (good), stranger/ (signed by another CA), wrong-ca/ (expects another CA), each with
# ca.pem, cert.pem and key.pem, and docker.sock, for who needs no certificate. Exits 77 where there is no Docker.
set -eu

certificate() { # NAME CA EXTENSIONS
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1-key.pem" -out "$1.csr" -subj "/CN=$1"
    printf '%s\n' "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2-key.pem" -CAcreateserial -out "$1.pem" -days 2 -extfile "$1.ext"
}

certificates() (
    mkdir -p "$1/certs" && cd "$1/certs"
    for ca in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$ca-key.pem" -out "$ca.pem" -subj "/CN=$ca" -days 2
    done
    certificate server ca 'subjectAltName=IP:127.0.0.1
extendedKeyUsage=serverAuth'
    certificate good ca 'extendedKeyUsage=clientAuth'
    certificate stranger other 'extendedKeyUsage=clientAuth'
    for set in 'client ca good' 'stranger ca stranger' 'wrong-ca other good'; do
        # shellcheck disable=SC2086
        set -- $set
        mkdir -p "../$1"
        cp "$2.pem" "../$1/ca.pem" && cp "$3.pem" "../$1/cert.pem" && cp "$3-key.pem" "../$1/key.pem"
    done
)

engine() { # DIRECTORY PORT
    setsid dockerd -H "tcp://127.0.0.1:$2" -H "unix://$1/docker.sock" --tlsverify --tlscacert "$1/certs/ca.pem" \
        --tlscert "$1/certs/server.pem" --tlskey "$1/certs/server-key.pem" --data-root "$1/data" --exec-root "$1/exec" \
        --pidfile "$1/docker.pid" --bridge=none --iptables=false --ip-forward=false >> "$1/dockerd.log" 2>&1 < /dev/null &
    tries=0
    until docker -H "unix://$1/docker.sock" version > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { tail -5 "$1/dockerd.log" >&2; exit 1; }
        sleep 0.1
    done
}

image() { # DIRECTORY
    root=$1/image
    mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/proc" "$root/tmp" "$root/run" "$root/workspace" "$root/dev" "$root/sys"
    for link in bin lib lib64; do ln -s "usr/$link" "$root/$link"; done
    for tool in dash cat ls id env grep head tail sleep chmod mkdir rm touch od; do
        path=$(command -v "$tool")
        cp -L "$path" "$root/usr/bin/"
        ldd "$path" | sed -n 's/.* \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
            mkdir -p "$root$(dirname "$library")"
            [ -e "$root$library" ] || cp -L "$library" "$root$library"
        done
    done
    ln -s dash "$root/usr/bin/sh"
    printf 'root:x:0:0::/:/bin/sh\nsandbox:x:1000:1000::/workspace:/bin/sh\n' > "$root/etc/passwd"
    printf 'root:x:0:\nsandbox:x:1000:\n' > "$root/etc/group"
    tar -C "$root" -c . | docker -H "unix://$1/docker.sock" import - sandbox/shell:test > /dev/null
    rm -rf "$root"
}

# Whoever has the directory in its command line: the engine, its containerd, its shims, and the executors below these.
members() { # DIRECTORY
    for process in /proc/[0-9]*; do
        if tr '\0' ' ' 2> /dev/null < "$process/cmdline" | grep -qF -- "$1/"; then
            [ "${process#/proc/}" = "$$" ] || echo "${process#/proc/}"
        fi
    done
}

stop() { # DIRECTORY
    # shellcheck disable=SC2016
    timeout 10 sh -c 'ids=$(docker -H "unix://$1/docker.sock" ps -aq) && [ -z "$ids" ] || docker -H "unix://$1/docker.sock" rm -f $ids' stop "$1" > /dev/null 2>&1 || true
    [ ! -f "$1/docker.pid" ] || kill "$(cat "$1/docker.pid")" 2> /dev/null || true
    tries=0
    while [ -f "$1/docker.pid" ] && kill -0 "$(cat "$1/docker.pid")" 2> /dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    for child in $(members "$1"); do
        # an executor whose engine was killed is its shim's child
        # shellcheck disable=SC2046
        kill -KILL $(cat "/proc/$child/task/$child/children" 2> /dev/null) 2> /dev/null || true
        if tr '\0' ' ' 2> /dev/null < "/proc/$child/cmdline" | grep -q '^[^ ]*\(dockerd\|containerd\)'; then
            kill -KILL "$child" 2> /dev/null || true
        fi
    done
    awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount -l "$mount" || true; done
    rm -rf "$1"
}

command=$1 directory=$2
case $command in
    start | again)
        if ! command -v dockerd > /dev/null || ! command -v docker > /dev/null || [ "$(id -u)" -ne 0 ]; then
            echo "no Docker Engine can be started here"
            exit 77
        fi
        if [ "$command" = start ]; then
            mkdir -p "$directory"
            certificates "$directory" > "$directory/openssl.log" 2>&1
        fi
        engine "$directory" "$3"
        [ "$command" = again ] || image "$directory"
        ;;
    load) docker save sandbox/python:3.11-basic | docker -H "unix://$directory/docker.sock" load > /dev/null ;;
    stop) stop "$directory" ;;
    *) sed -n '3,9p' "$0"; exit 64 ;;
esac
