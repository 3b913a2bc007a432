/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of webhooks, and their signatures. */
#include "lib/service/webhooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/io/digest.h"
#include "lib/io/doorbell.h"
#include "lib/io/url.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/audit.h"
#include "lib/util/strbuf.h"

#define FIELD "/callback_url"
enum { ID_MAX = 64, BODY_MAX = 1024 * 1024 };

static bool scheme_taken(const struct webhook_settings *settings, const char *scheme)
{
    return strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && strcmp(settings->schemes, "https") != 0);
}

int webhook_check_url(const struct webhook_settings *settings, const char *url, struct err *err)
{
    struct url_parts parts;
    struct address address;
    struct err why = ERR_INIT;
    if (!url)
        return 0;
    if (!settings->key[0])
        return err_field(err, FIELD, "This installation sends no webhooks (webhooks.key is not set): leave callback_url out.");
    if (url_parse(url, &parts, &why) != 0)
        return why.code == ERR_INVALID ? err_field(err, FIELD, "callback_url %s.", why.text) : (*err = why, -1);
    if (!scheme_taken(settings, parts.scheme))
        return err_field(err, FIELD, "callback_url must begin with %s.",
                         strcmp(settings->schemes, "https") == 0 ? "https://" : "http:// or https://");
    if (!address_port_allowed(parts.port))
        return err_field(err, FIELD, "callback_url must have port 80, 443 or one above 1023.");
    const char *refused = address_parse(parts.host, &address) ? address_refused(&address, &settings->allowed) : NULL;
    return refused ? err_field(err, FIELD, "callback_url names %s, which is not allowed.", refused) : 0;
}

static int derive(const char *key, const char *owner, unsigned char out[DIGEST_SIZE], struct err *err)
{
    return digest_hmac(key, strlen(key), owner, strlen(owner), out, err);
}

int webhook_secret(const struct webhook_settings *settings, const char *owner, bool before, char out[WEBHOOK_SECRET_SIZE],
                   struct err *err)
{
    static const char prefix[] = "whsec_";
    const char *key = before ? settings->key_before : settings->key;
    unsigned char secret[DIGEST_SIZE];
    if (!key[0])
        return err_set(err, ERR_INVALID, "webhooks.%s is not set.", before ? "key_before" : "key");
    if (derive(key, owner, secret, err) != 0)
        return -1;
    memcpy(out, prefix, sizeof(prefix));
    digest_base64(secret, out + sizeof(prefix) - 1);
    return 0;
}

/* "v1,BASE64" at `out`; how long it is, or -1. */
static int sign_with(const char *key, const char *owner, const struct strbuf *text, char *out, struct err *err)
{
    unsigned char secret[DIGEST_SIZE], signature[DIGEST_SIZE];
    if (derive(key, owner, secret, err) != 0 ||
        digest_hmac(secret, sizeof(secret), strbuf_str(text), text->len, signature, err) != 0)
        return -1;
    memcpy(out, "v1,", 3);
    digest_base64(signature, out + 3);
    return 3 + DIGEST_BASE64_SIZE - 1;
}

int webhook_sign(const struct webhook_settings *settings, const char *owner, const char *id, int64_t timestamp_s, const char *body,
                 size_t len, char out[WEBHOOK_SIGNATURES_SIZE], struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(ID_MAX + BODY_MAX);
    strbuf_addf(&text, "%s.%" PRId64 ".", id, timestamp_s);
    strbuf_add(&text, body, len);
    if (!strbuf_ok(&text))
        return err_internal(err, 0, "out of memory for a signature");
    int used = sign_with(settings->key, owner, &text, out, err);
    if (used < 0 || !settings->key_before[0])
        return used < 0 ? -1 : 0;
    out[used] = ' ';
    return sign_with(settings->key_before, owner, &text, out + used + 1, err) < 0 ? -1 : 0;
}

struct retrying {
    const struct context *context;
    const char *id;
};

static int retry_work(struct db *db, void *arg, struct err *err)
{
    const struct retrying *retrying = arg;
    bool changed = false;
    if (webhook_repo_retry(db, retrying->id, &changed, err) != 0)
        return -1;
    if (!changed)
        return err_set(err, ERR_CONFLICT, "There is no webhook '%.40s', or it is being tried at this moment.", retrying->id);
    return audit_note(retrying->context, "retry", "webhook", retrying->id, err, "%s", "");
}

int webhook_retry(const struct context *context, const char *id, struct err *err)
{
    struct retrying retrying = { context, id };
    if (db_transaction(context->db, retry_work, &retrying, err) != 0)
        return -1;
    doorbell_ring(context->doorbell, context->settings->doorbell.webhookd, id);
    return 0;
}
