/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of webhooks: who may be told, and what proves that it was us. */
#ifndef SANDBOX_SERVICE_WEBHOOK_SETTINGS_H
#define SANDBOX_SERVICE_WEBHOOK_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/address_rules.h"
#include "lib/util/cleanup.h"
#include "lib/util/config.h"

struct webhook_settings {
    char *key;        /* what owners' secrets are derived from; "": there are no webhooks */
    char *key_before; /* the one before, while it is replaced; "": none */
    char *schemes;    /* "https" or "http,https" */
    char *allow;      /* addresses that are not public, and allowed all the same */
    char *ca_file;    /* "": the system's */
    int64_t in_flight;
    int64_t per_host;
    struct address_list allowed; /* `allow` as it is used; filled by webhook_settings_check() */
};
extern const struct setting webhook_setting_table[];
extern const size_t webhook_setting_count;

/* ERR_INVALID names the setting. */
int webhook_settings_check(struct webhook_settings *settings, struct err *err) must_use;
void webhook_settings_release(struct webhook_settings *settings); /* what the check has made */

#endif
