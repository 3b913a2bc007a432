#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes lighttpd's own refusals as JSON bodies in the format of the API's errors:  lighttpd-errors.sh DIRECTORY
set -eu
[ $# -eq 1 ] || { echo "usage: lighttpd-errors.sh DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
# status | error_code | description | detail | solution
while IFS='|' read -r status code description detail solution; do
    printf '{"error_code": "%s", "description": "%s", "error_detail": "%s", "solution": "%s"}\n' \
        "$code" "$description" "$detail" "$solution" > "$1/$status.html"
done <<'TABLE'
400|Sandbox.InvalidParameter|Invalid request parameter|This is not a well-formed HTTP request|Correct the request line and headers and send the request again
403|Sandbox.Forbidden|Forbidden|The web server does not serve this|Please check the path of the request
404|Sandbox.NotFound|No such resource|The web server knows no such path|Please check the path of the request
405|Sandbox.MethodNotAllowed|Method not allowed|The web server does not know this method|Use GET, HEAD, POST, PUT or DELETE
408|Sandbox.InvalidParameter|Invalid request parameter|The request did not arrive in time|Send the whole request within 60 seconds
411|Sandbox.InvalidParameter|Invalid request parameter|The request has a body but no Content-Length|Send a Content-Length header
413|Sandbox.PayloadTooLarge|The request is too large|A request body may be at most 2 MiB|Send less; the detail names the limit
414|Sandbox.InvalidParameter|Invalid request parameter|The request's address is too long|Use a shorter path and query
417|Sandbox.InvalidParameter|Invalid request parameter|The Expect header names something unknown|Leave the Expect header out
431|Sandbox.InvalidParameter|Invalid request parameter|The request's headers are over 16 KiB|Send fewer or shorter headers
500|Sandbox.InternalError|Internal server error|A web worker ended while it worked on the request|Look at the current state, then try again
501|Sandbox.MethodNotAllowed|Method not allowed|The web server does not know this method|Use GET, HEAD, POST, PUT or DELETE
502|Sandbox.ServiceUnavailable|A part of the service is not available|No web worker answered|Try again in a second
503|Sandbox.ServiceUnavailable|A part of the service is not available|All web workers are busy or being started|Try again in a second
504|Sandbox.ServiceUnavailable|A part of the service did not answer in time|A web worker gave no answer in time|Look at the current state, then try again
505|Sandbox.InvalidParameter|Invalid request parameter|This version of HTTP is not supported|Use HTTP/1.1
TABLE
