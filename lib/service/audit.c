/* SPDX-License-Identifier: Apache-2.0 */
/* Fills an entry from the context's actor. */
#include "lib/service/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/repo/audit_repo.h"
#include "lib/util/strbuf.h"
#include "lib/util/utf8.h"

enum { DETAIL_MAX = 2048 };

int audit_note(const struct context *context, const char *action, const char *kind, const char *id, struct err *err,
               const char *format, ...)
{
    char detail[DETAIL_MAX];
    cleanup_strbuf struct strbuf repaired = STRBUF_INIT(4 * DETAIL_MAX);
    const struct actor *actor = &context->actor;
    struct audit_entry entry = { 0 };
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    utf8_repair(detail, strlen(detail), &repaired); /* it may have been cut within a character */
    snprintf(entry.actor, sizeof(entry.actor), "%s", actor->name);
    snprintf(entry.token_id, sizeof(entry.token_id), "%s", actor->token_id);
    snprintf(entry.action, sizeof(entry.action), "%s", action);
    snprintf(entry.object_kind, sizeof(entry.object_kind), "%s", kind);
    snprintf(entry.object_id, sizeof(entry.object_id), "%s", id);
    snprintf(entry.address, sizeof(entry.address), "%s", actor->address);
    snprintf(entry.request_id, sizeof(entry.request_id), "%s", actor->request_id);
    entry.detail = repaired.data;
    return audit_repo_insert(context->db, &entry, err);
}
