/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that clients give, read by libcurl's own parser, so that what is checked is what is connected to. */
#ifndef SANDBOX_IO_URL_H
#define SANDBOX_IO_URL_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { URL_SCHEME_SIZE = 16, URL_HOST_SIZE = 256 };
struct url_parts {
    char scheme[URL_SCHEME_SIZE]; /* "https" */
    char host[URL_HOST_SIZE];     /* a name, or an address without brackets; numbers in other notations are dotted */
    long port;                    /* the scheme's, if none is given */
};

/* An absolute URL of printable ASCII: SCHEME://HOST[:PORT][/PATH][?QUERY]; with user info, a fragment, a backslash or a zone it is none.
 * ERR_INVALID says what is wrong, as the rest of a sentence that begins with the URL's name: "must have a host". */
int url_parse(const char *text, struct url_parts *out, struct err *err) must_use;

#endif
