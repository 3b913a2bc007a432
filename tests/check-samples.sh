#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The samples, as they are installed, are accepted by the programs that they are for: lighttpd and Apache, without TLS and with;
# systemd and logrotate where those are there.   check-samples.sh [BUILD DIRECTORY]
set -u
build=$(cd "${1:-.}" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PATH=$PATH:/usr/sbin:/sbin
failures=0 checks=0

check() { # NAME COMMAND...
    name=$1
    shift
    checks=$((checks + 1))
    "$@" >"$dir/output" 2>&1 && return
    failures=$((failures + 1))
    printf 'check-samples: %s\n' "$name"
    cat "$dir/output"
}

installed() {
    make -C "$build" --no-print-directory install-nodist_sampleDATA install-dist_sampleDATA install-nodist_logrotatesampleDATA \
        install-nodist_systemdsystemunitDATA install-sbinPROGRAMS DESTDIR="$dir/root"
}

# Every placeholder has a value.
complete() { ! grep -rnE '@[A-Z_]+@' "$samples" "$units"; }

with_tls() { sed -i -E '/tls\.conf|socache|ssl_module|SSLSessionCache/s/^( *)#/\1/' "$samples/lighttpd.conf" "$samples/apache.conf" "$samples/apache-server.conf"; }

verify_units() { systemd-analyze verify --man=no "$units"/sandbox-*.service; }

check "make install" installed
samples=$(find "$dir/root" -type d -name samples)
units=$(find "$dir/root" -type d -name system)
check "placeholders" complete
# what they name is not where it would be, but below $dir/root
data=${samples%/samples}
sbin=$(dirname "$(find "$dir/root" -name sandbox-api)")
sed -i "s|${data#"$dir/root"}|$data|g; s|\"${sbin#"$dir/root"}|\"$sbin|g; s|/etc/ssl/[a-z]*/sandbox\.pem|$dir/pair.pem|; s|/run/apache2|$dir|" \
    "$samples"/*.conf
check "web-errors.sh" sh "$source/etc/web-errors.sh" "$data/errors"
check "a certificate" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
    -keyout "$dir/pair.pem" -out "$dir/certificate"
cat "$dir/certificate" >>"$dir/pair.pem"
for variant in "without TLS" "with TLS"; do
    check "lighttpd.conf $variant" lighttpd -tt -f "$samples/lighttpd.conf"
    check "apache-server.conf $variant" apache2 -t -f "$samples/apache-server.conf"
    [ "$variant" = "with TLS" ] || check "taking TLS in" with_tls
done
grep -q '^include .*lighttpd-tls' "$samples/lighttpd.conf" && grep -q '^ *Include .*apache-tls' "$samples/apache.conf" ||
    { failures=$((failures + 1)); echo "check-samples: TLS was not taken in"; }
command -v systemd-analyze >/dev/null && [ -d /run/systemd/system ] && check "systemd units" verify_units
command -v logrotate >/dev/null && check "logrotate" logrotate --debug "$samples/logrotate.d/sandbox"
[ "$failures" -eq 0 ] && share=100 || share=$((100 * (checks - failures) / checks))
echo "$share%: Checks: $checks, Failures: $failures, Errors: 0"
[ "$failures" -eq 0 ]
