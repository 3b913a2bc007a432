/* SPDX-License-Identifier: Apache-2.0 */
/* Notes in the audit trail. */
#ifndef SANDBOX_SERVICE_AUDIT_H
#define SANDBOX_SERVICE_AUDIT_H

#include "lib/service/context.h"

/* Notes that the context's actor did `action` (at most 32 characters: "create") to the object `id` of `kind` (at most 16: "session").
 * Inside the transaction that does it, so that there is never one without the other. `format` adds what the object's row does not say or
 * will not keep; never secrets, code or values of environment variables. */
int audit_note(const struct context *context, const char *action, const char *kind, const char *id, struct err *err,
               const char *format, ...) __attribute__((format(printf, 6, 7))) must_use;

#endif
