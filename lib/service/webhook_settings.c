/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of webhooks. */
#include "lib/service/webhook_settings.h"

#include <string.h>

enum { KEY_BYTES_MIN = 32 };

#define AT(member) offsetof(struct webhook_settings, member)
const struct setting webhook_setting_table[] = {
    { .key = "key", .type = SETTING_STRING, .offset = AT(key), .preset = "", .secret = true,
      .help = "What each owner's secret for verifying webhooks is derived from, 32 random characters or more; empty: callback_url is refused." },
    { .key = "key_before", .type = SETTING_STRING, .offset = AT(key_before), .preset = "", .secret = true,
      .help = "The key before, while receivers change to the new one: webhooks are signed with both." },
    { .key = "schemes", .type = SETTING_STRING, .offset = AT(schemes), .preset = "http,https", .choices = "http,https|https",
      .help = "What a callback_url may begin with." },
    { .key = "allow", .type = SETTING_STRING, .offset = AT(allow), .preset = "",
      .help = "Addresses besides public ones that webhooks may go to, as 10.1.0.0/16, fd00::/8; whoever has a token may have them called." },
    { .key = "ca_file", .type = SETTING_STRING, .offset = AT(ca_file), .preset = "",
      .help = "Certificates (PEM) that receivers' are checked with; empty: the system's." },
    { .key = "in_flight", .type = SETTING_INT, .offset = AT(in_flight), .preset = "256", .min = 1, .max = 4096,
      .help = "Webhooks that one sandbox-webhookd sends at once." },
    { .key = "per_host", .type = SETTING_INT, .offset = AT(per_host), .preset = "8", .min = 1, .max = 1024,
      .help = "Of them, to one host." },
};
#undef AT
const size_t webhook_setting_count = sizeof(webhook_setting_table) / sizeof(webhook_setting_table[0]);

static int check_key(const char *key, const char *name, struct err *err)
{
    if (key[0] == '\0' || strlen(key) >= KEY_BYTES_MIN)
        return 0;
    return err_set(err, ERR_INVALID, "webhooks.%s must have %d characters or more, or be empty.", name, KEY_BYTES_MIN);
}

int webhook_settings_check(struct webhook_settings *settings, struct err *err)
{
    struct err why = ERR_INIT;
    if (check_key(settings->key, "key", err) != 0 || check_key(settings->key_before, "key_before", err) != 0)
        return -1;
    if (settings->ca_file[0] && settings->ca_file[0] != '/')
        return err_set(err, ERR_INVALID, "webhooks.ca_file must be an absolute path, or empty.");
    if (address_list_parse(settings->allow, &settings->allowed, &why) != 0)
        return err_set(err, ERR_INVALID, "webhooks.allow: %s", why.text);
    return 0;
}

void webhook_settings_release(struct webhook_settings *settings)
{
    address_list_release(&settings->allowed);
}
