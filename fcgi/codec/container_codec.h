/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_CONTAINER_CODEC_H
#define SANDBOX_FCGI_CODEC_CONTAINER_CODEC_H

#include "lib/service/containers.h"
#include "lib/util/json.h"

enum container_view { CONTAINER_VIEW_LISTED, CONTAINER_VIEW_FULL };
struct json_object *container_encode(const struct container *container, enum container_view view) must_use;
struct json_object *container_list_encode(const struct container_list *list) must_use;

#endif
