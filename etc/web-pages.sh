#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes what the web server serves as files: /openapi.json, /docs (Swagger UI) and /redoc (ReDoc).
set -eu

usage() {
    cat <<'TEXT'
usage: web-pages.sh [--offline] DIRECTORY [CACHE]

Fills DIRECTORY. Swagger UI and ReDoc are npm packages of the versions in docs/web/package-lock.json; they are installed into
CACHE (DIRECTORY.npm) and stay there. Where they cannot be had, DIRECTORY gets a page that says how to add them; that is no failure.
  --offline   only what CACHE has already
TEXT
}

offline=
if [ "${1:-}" = --offline ]; then
    offline=yes
    shift
fi
case ${1:-} in
    "" | -*) usage >&2; exit 2 ;;
esac
source=$(cd "$(dirname "$0")/.." && pwd)/docs
mkdir -p "$1/docs"
to=$(cd "$1" && pwd)
cache=${2:-$to.npm}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
modules=$cache/node_modules

say() { printf 'web-pages: %s\n' "$*"; }

have_packages() { cmp -s "$source/web/package-lock.json" "$cache/installed.json"; }

install_packages() {
    [ -z "$offline" ] || { say "the packages are not in $cache"; return 1; }
    command -v npm >/dev/null || { say "there is no npm on this machine"; return 1; }
    cp "$source/web/package.json" "$source/web/package-lock.json" "$cache/"
    # what ReDoc's library would need besides is inside its bundle already
    timeout 120 npm ci --prefix "$cache" --ignore-scripts --legacy-peer-deps --no-audit --no-fund \
        --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000 </dev/null ||
        { say "npm could not install the packages"; return 1; }
    cp "$source/web/package-lock.json" "$cache/installed.json"
}

copy_pages() {
    cp "$source/web/docs.htm" "$source/web/redoc.htm" "$to/"
    cp "$source/web/docs.js" "$source/web/redoc.js" "$to/docs/"
    cd "$modules/swagger-ui-dist"
    cp swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css favicon-32x32.png "$to/docs/"
    cp LICENSE "$to/docs/swagger-ui.LICENSE.txt"
    # its logo would come from the maker's server
    sed 's|https://cdn\.redoc\.ly/redoc/logo-mini\.svg|data:,|g' "$modules/redoc/bundles/redoc.standalone.js" \
        >"$to/docs/redoc.standalone.js"
    cp "$modules/redoc/bundles/redoc.standalone.js.LICENSE.txt" "$to/docs/"
}

cp "$source/openapi.json" "$to/"
cp "$source/web/pages.css" "$to/docs/"
if have_packages || install_packages; then
    copy_pages
    say "Swagger UI and ReDoc are in $to"
else
    cp "$source/web/missing.htm" "$to/docs.htm"
    cp "$source/web/missing.htm" "$to/redoc.htm"
    say "/docs and /redoc say how to add Swagger UI and ReDoc"
fi
chmod -R u+rwX,go+rX "$to"
