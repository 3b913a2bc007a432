# shellcheck shell=bash disable=SC2034,SC2153
# SPDX-License-Identifier: Apache-2.0
# Debian packages: only the missing ones, and no service of theirs is started.

BUILD_PACKAGES=(gcc make autoconf automake pkg-config libc6-dev libfcgi-dev libmariadb-dev libcurl4-openssl-dev libssl-dev
    libjson-c-dev libmagic-dev libexpat1-dev libconfig-dev check libevent-dev libseccomp-dev)
RUN_PACKAGES=(mariadb-server mariadb-client lighttpd bubblewrap python3 nodejs curl jq ca-certificates procps util-linux)
DOCKER_PACKAGES=(docker.io mmdebstrap)
FUZZ_PACKAGES=(clang libclang-rt-14-dev) # only for the long tests
APACHE_PACKAGES=(apache2-bin libapache2-mod-xsendfile)
TLS_PACKAGES=(openssl lighttpd-mod-openssl)
S3_PACKAGES=(swift-proxy swift-account swift-container swift-object memcached) # SANDBOX_STORAGE=s3, and tests
TEST_PACKAGES=(python3-requests mmdebstrap prometheus python3-venv libfaketime docker-registry)
# What a test is skipped without: a browser for /docs and /redoc, and what these are made with
BROWSER_PACKAGES=(chromium chromium-driver python3-selenium)
PAGE_PACKAGES=(npm)

package_missing() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" != installed ]; }

# curl and the like may come from elsewhere than Debian's package; what counts is that they are there.
program_there() {
    case $1 in
        curl | jq | make | gcc) command -v "$1" >/dev/null ;;
        nodejs) [ -x /usr/bin/node ] ;;
        npm) command -v npm >/dev/null ;;
        docker.io) command -v dockerd >/dev/null ;;
        *) return 1 ;;
    esac
}

install_packages() { # [MORE PACKAGES...]
    local package missing=() wanted=("${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "$@")
    [ "$RUNTIME" != docker ] || wanted+=("${DOCKER_PACKAGES[@]}")
    [ "$WEB" != apache ] || wanted+=("${APACHE_PACKAGES[@]}")
    [ "$STORAGE" != s3 ] || wanted+=("${S3_PACKAGES[@]}")
    [ "$TLS" != 1 ] || wanted+=("${TLS_PACKAGES[@]}")
    for package in "${wanted[@]}"; do
        if package_missing "$package" && ! program_there "$package"; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "these packages are missing and there is no apt-get here: ${missing[*]}"
    say "Packages to install: ${missing[*]}"
    # lighttpd wants systemd or lsb-base; without an init system the small one will do
    [ -d /run/systemd/system ] || missing+=(lsb-base)
    run_step "Package lists" packages apt_update
    run_step "Packages (${#missing[@]})" packages apt_install "${missing[@]}"
}

# An index that is a little old is good enough when the network is not.
apt_update() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q -o Acquire::Retries=3 || apt-cache policy gcc | grep -q Candidate
}

apt_install() {
    local service before=()
    for service in "${SERVICES[@]}"; do
        [ ! -e "/etc/init.d/$service" ] || before+=("$service")
    done
    forbid_services
    trap allow_services EXIT
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confold "$@"
    # what came just now as a program for us must not start as a service at the next boot either
    for service in "${SERVICES[@]}"; do
        if [ -e "/etc/init.d/$service" ] && [[ " ${before[*]-} " != *" $service "* ]]; then
            update-rc.d "$service" disable || true
        fi
    done
}

# services that the packages bring along
SERVICES=(mariadb lighttpd docker rsync prometheus memcached swift-proxy
    swift-account{,-auditor,-reaper,-replicator} swift-container{,-auditor,-reconciler,-replicator,-sharder,-sync,-updater}
    swift-object{,-auditor,-expirer,-reconstructor,-replicator,-updater})

POLICY=/usr/sbin/policy-rc.d
forbid_services() {
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        mv "$POLICY" "$POLICY.quickstart"
    fi
    printf '#!/bin/sh\n# quickstart.sh is installing packages; it removes this file\nexit 101\n' >"$POLICY"
    chmod 0755 "$POLICY"
}

allow_services() {
    rm -f "$POLICY"
    if [ -e "$POLICY.quickstart" ] || [ -L "$POLICY.quickstart" ]; then
        mv "$POLICY.quickstart" "$POLICY"
    fi
}
