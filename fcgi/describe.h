/* SPDX-License-Identifier: Apache-2.0 */
/* What the program knows of its own contract, for the test that holds docs/openapi.json against it. */
#ifndef SANDBOX_FCGI_DESCRIBE_H
#define SANDBOX_FCGI_DESCRIBE_H

#include "lib/util/json.h"

/* {"routes": [{method, path, access, scope, query: [names], body, body_limit, summary}], "errors": [{error_code, status, retryable}]}; access
 * is open, token or container, scope null or its name. The caller's reference; NULL when memory is out. */
struct json_object *describe_contract(void);

#endif
