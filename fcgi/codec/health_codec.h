/* SPDX-License-Identifier: Apache-2.0 */
/* Health as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_HEALTH_CODEC_H
#define SANDBOX_FCGI_CODEC_HEALTH_CODEC_H

#include "lib/service/health.h"
#include "lib/util/json.h"

/* {status, version, took_ms} of an installation whose database answered. */
struct json_object *health_encode(double took_ms) must_use;
/* `usage`: also how much of each node all owners together use. */
struct json_object *health_report_encode(const struct health_report *report, bool usage) must_use;

#endif
