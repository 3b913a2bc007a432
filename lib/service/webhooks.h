/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks as clients and operators see them: which URLs are taken, and the secrets that receivers verify with.
 *
 * Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over "ID.TIMESTAMP.BODY" with the owner's secret,
 * which is HMAC-SHA256(webhooks.key, owner): nothing is stored, and one owner's says nothing about another's. */
#ifndef SANDBOX_SERVICE_WEBHOOKS_H
#define SANDBOX_SERVICE_WEBHOOKS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/service/context.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum {
    WEBHOOK_SECRET_SIZE = 51,      /* "whsec_", 44 of base64 and NUL */
    WEBHOOK_SIGNATURES_SIZE = 96,  /* "v1,BASE64", twice, a space between, and NUL */
};

/* What a client gave as callback_url; NULL is fine. ERR_INVALID with the field /callback_url: webhooks are switched off, it is none of the
 * form, its scheme or port is not taken, or it names an address that is refused. What a name stands for is looked at when it is called. */
int webhook_check_url(const struct webhook_settings *settings, const char *url, struct err *err) must_use;

/* The owner's secret, by the key or (`before`) by the key before. ERR_INVALID: there is no such key. */
int webhook_secret(const struct webhook_settings *settings, const char *owner, bool before, char out[WEBHOOK_SECRET_SIZE],
                   struct err *err) must_use;
/* The value of webhook-signature: with the owner's secret, and while the key is being replaced with both. */
int webhook_sign(const struct webhook_settings *settings, const char *owner, const char *id, int64_t timestamp_s, const char *body,
                 size_t len, char out[WEBHOOK_SIGNATURES_SIZE], struct err *err) must_use;

/* Asked for by an operator: sent at once, whatever became of it, and tried for another day; noted in the audit trail. ERR_CONFLICT: there is
 * none, or it is being tried at this moment. */
int webhook_retry(const struct context *context, const char *id, struct err *err) must_use;

#endif
