#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the template images from this machine's own Debian 12 apt sources and imports them into the Docker Engine.
#
#   images/build.sh [--force] [python-basic] [python-datascience] [nodejs-basic]     (default: all three)
#
# SANDBOX_APT_SOURCES=FILE  another sources file (one-line or deb822) instead of what /etc/apt holds
# SANDBOX_IMAGE_LOG=FILE    where mmdebstrap's full output goes (default: shown only when it fails)
set -eu
suite=bookworm

die() { printf 'images: %s\n' "$*" >&2; exit 1; }
say() { printf 'images: %s\n' "$*"; }

# template -> image tag | packages
describe() {
    case $1 in
    python-basic) echo 'sandbox/python:3.11-basic|python3' ;;
    python-datascience) echo 'sandbox/python:3.11-datascience|python3,python3-numpy,python3-pandas,python3-sklearn' ;;
    nodejs-basic) echo 'sandbox/nodejs:18-basic|nodejs' ;;
    *) die "there is no template image \"$1\" (python-basic, python-datascience, nodejs-basic)" ;;
    esac
}

# Of /etc/apt, the entries that are Debian's own: this suite (with -updates, -security) and its component main.
debian_sources() {
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$list" ] || continue
        sed -n "s/#.*//; /^deb[[:space:]].*[[:space:]]$suite\(-updates\|-security\)\{0,1\}[[:space:]]\{1,\}\(.*[[:space:]]\)\{0,1\}main\([[:space:]]\|\$\)/p" "$list"
    done > "$work/oneline.list"
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -f "$list" ] || continue
        awk -v RS= -v ORS='\n\n' -v suite="$suite" '
            tolower($0) ~ /(^|\n)enabled:[ \t]*no/ { next }
            $0 ~ ("(^|\n)Suites:([ \t]+[^\n]*)?[ \t]" suite "(-updates|-security)?([ \t\n]|$)") &&
            $0 ~ "(^|\n)Components:([ \t]+[^\n]*)?[ \t]main([ \t\n]|$)" { print }' "$list"
    done > "$work/stanzas.sources"
}

# How this machine reaches its archives (proxy, certificates, date checks), for apt inside mmdebstrap.
apt_options() {
    apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Max-FutureTime|Retries)[: ]' \
        > "$work/apt.conf" || true
}

build() {
    template=$1
    description=$(describe "$template")
    image=${description%%|*}
    packages=${description#*|}
    if [ "$force" = no ] && docker image inspect "$image" > /dev/null 2>&1; then
        say "$image is there already"
        return
    fi
    say "$image: installing $packages into a fresh Debian $suite ..."
    started=$(date +%s)
    log=${SANDBOX_IMAGE_LOG:-$work/$template.log}
    tar=$work/$template.tar
    # the sandbox user has a name inside, docs and caches stay outside
    if ! mmdebstrap --mode=root --variant=minbase --include="$packages" --aptopt="$work/apt.conf" \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-include=/usr/share/locale/locale.alias' \
        --customize-hook='echo "sandbox:x:1000:1000:sandbox:/workspace:/bin/bash" >> "$1/etc/passwd"' \
        --customize-hook='echo "sandbox:x:1000:" >> "$1/etc/group"' \
        --customize-hook='mkdir -p "$1/workspace" "$1/run/sandbox" && chmod 755 "$1/run/sandbox"' \
        --customize-hook='rm -rf "$1"/etc/apt/sources.list* "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/var/lib/apt/lists/*' \
        --customize-hook='rm -rf "$1"/var/cache/* "$1"/var/log/* "$1"/usr/share/doc/* "$1"/usr/share/pixmaps "$1"/usr/share/icons' \
        "$suite" "$tar" $sources 2> "$work/progress"; then
        tail -n 15 "$work/progress" >&2
        die "$image: mmdebstrap failed (see above)"
    fi
    [ -z "${SANDBOX_IMAGE_LOG:-}" ] || cat "$work/progress" >> "$log"
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV LANG=C.UTF-8' --change 'CMD ["/bin/bash"]' "$tar" "$image" > /dev/null ||
        die "$image: the engine refused the import"
    rm -f "$tar"
    size=$(docker image inspect --format '{{.Size}}' "$image")
    say "$image: done in $(($(date +%s) - started)) s, $((size / 1000000)) MB"
}

force=no
templates=
for argument in "$@"; do
    case $argument in
    --force) force=yes ;;
    -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) die "unknown option $argument" ;;
    *) describe "$argument" > /dev/null; templates="$templates $argument" ;;
    esac
done
[ -n "$templates" ] || templates='python-basic python-datascience nodejs-basic'

[ "$(id -u)" = 0 ] || die 'must run as root (mmdebstrap, docker)'
command -v mmdebstrap > /dev/null || die 'mmdebstrap is missing: apt-get install mmdebstrap'
command -v docker > /dev/null || die 'the docker client is missing: apt-get install docker.io'
docker version > /dev/null 2>&1 || die 'the Docker Engine does not answer'

work=$(mktemp -d "${TMPDIR:-/var/tmp}/sandbox-images.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
if [ -n "${SANDBOX_APT_SOURCES:-}" ]; then
    sources=$SANDBOX_APT_SOURCES
else
    debian_sources
    sources=
    for found in "$work/oneline.list" "$work/stanzas.sources"; do
        [ -s "$found" ] && sources="$sources $found"
    done
fi
[ -n "$sources" ] || die "no apt source of Debian $suite in /etc/apt; name a file with SANDBOX_APT_SOURCES"
apt_options
for template in $templates; do
    build "$template"
done
