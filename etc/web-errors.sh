#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The web servers' own refusals in the format of the API's errors, from one table:
#   web-errors.sh DIRECTORY   writes STATUS.html for lighttpd (server.errorfile-prefix) and apache.conf, ErrorDocuments to include
set -eu
[ $# -eq 1 ] || { echo "usage: web-errors.sh DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
{
    printf '%s\n' '# Written by web-errors.sh.'
    # status | error_code | description | detail | solution
    while IFS='|' read -r status code description detail solution; do
        body=$(printf '{"error_code": "%s", "description": "%s", "error_detail": "%s", "solution": "%s"}' \
            "$code" "$description" "$detail" "$solution")
        printf '%s\n' "$body" > "$1/$status.html"
        # in double quotes: the texts have apostrophes
        printf 'ErrorDocument %s "%s"\n' "$status" "$(printf '%s' "$body" | sed 's/"/\\"/g')"
    done
} > "$1/apache.conf" <<'TABLE'
400|Sandbox.InvalidParameter|Invalid request parameter|This is not a well-formed HTTP request, or its headers are too long|Correct the request line and headers and send the request again
403|Sandbox.Forbidden|Forbidden|The web server does not serve this to your address|Please check the path of the request
404|Sandbox.NotFound|No such resource|The web server knows no such path|Please check the path of the request
405|Sandbox.MethodNotAllowed|Method not allowed|The web server does not know this method|Use one of the methods that the documentation names
408|Sandbox.InvalidParameter|Invalid request parameter|The request did not arrive in time|Send the whole request within 60 seconds
411|Sandbox.InvalidParameter|Invalid request parameter|The request has no Content-Length|Send a Content-Length header, of 0 when there is no body (with curl: -d '')
413|Sandbox.PayloadTooLarge|The request is too large|A request body may be at most 2 MiB|Send less; the detail names the limit
414|Sandbox.InvalidParameter|Invalid request parameter|The request's address is too long|Use a shorter path and query
417|Sandbox.InvalidParameter|Invalid request parameter|The Expect header names something unknown|Leave the Expect header out
431|Sandbox.InvalidParameter|Invalid request parameter|The request's headers are over 16 KiB|Send fewer or shorter headers
500|Sandbox.InternalError|Internal server error|A web worker ended while it worked on the request|Look at the current state, then try again
501|Sandbox.MethodNotAllowed|Method not allowed|The web server does not know this method|Use one of the methods that the documentation names
502|Sandbox.ServiceUnavailable|A part of the service is not available|No web worker answered|Try again in a second
503|Sandbox.ServiceUnavailable|A part of the service is not available|All web workers are busy or being started|Try again in a second
504|Sandbox.ServiceUnavailable|A part of the service did not answer in time|A web worker gave no answer in time|Look at the current state, then try again
505|Sandbox.InvalidParameter|Invalid request parameter|This version of HTTP is not supported|Use HTTP/1.1
TABLE
