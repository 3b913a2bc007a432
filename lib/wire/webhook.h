/* SPDX-License-Identifier: Apache-2.0 */
/* What a callback URL is told, as JSON: {"type", "timestamp", "data"}, as Standard Webhooks has it. Pure: the same object gives the same bytes
 * at every try. docs/api.md says what each field is. */
#ifndef SANDBOX_WIRE_WEBHOOK_H
#define SANDBOX_WIRE_WEBHOOK_H

#include "lib/model/entities.h"
#include "lib/util/cleanup.h"

/* malloc()ed; NULL when memory runs out. `type` is "execution.completed", "session.terminated", ... With `output`, what it wrote and returned
 * is told as well; without, "output" is null. */
char *wire_webhook_execution(const char *type, const struct execution *execution, bool output) must_use;
char *wire_webhook_session(const char *type, const struct session *session) must_use;

#endif
