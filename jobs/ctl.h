/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl's commands: one row each, from which parsing and help follow. */
#ifndef SANDBOX_JOBS_CTL_H
#define SANDBOX_JOBS_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/service/context.h"
#include "lib/util/err.h"

enum { CTL_OPTIONS = 6, CTL_ARGUMENTS = 2 };

struct ctl_option {
    const char *name;  /* "--owner" */
    const char *value; /* "NAME", for the help; NULL: takes none */
    const char *help;
    bool required;
};

struct ctl;
struct ctl_command {
    const char *group, *verb; /* "token", "create"; a NULL verb: the group is the command */
    const char *arguments[CTL_ARGUMENTS]; /* "ID": all required */
    struct ctl_option options[CTL_OPTIONS];
    const char *summary;
    enum { CTL_PLAIN, CTL_SETTINGS, CTL_DATABASE } needs;
    int (*run)(struct ctl *ctl, struct err *err);
};

/* What a command works with. */
struct ctl {
    const char *config; /* --config, or NULL */
    const char *arguments[CTL_ARGUMENTS];
    const char *options[CTL_OPTIONS]; /* NULL where not given */
    struct settings *settings;
    bool unwell;            /* what was asked for was done and shown, and it is not well: exit code 1 */
    struct context context; /* its db connects at first use */
};

int ctl_migrate(struct ctl *ctl, struct err *err);
int ctl_token_create(struct ctl *ctl, struct err *err);
int ctl_token_list(struct ctl *ctl, struct err *err);
int ctl_token_revoke(struct ctl *ctl, struct err *err);
int ctl_token_check(struct ctl *ctl, struct err *err);
int ctl_template_list(struct ctl *ctl, struct err *err);
int ctl_template_pool(struct ctl *ctl, struct err *err);
int ctl_pool(struct ctl *ctl, struct err *err);
int ctl_template_image(struct ctl *ctl, struct err *err);
int ctl_template_preload(struct ctl *ctl, struct err *err);
int ctl_node_drain(struct ctl *ctl, struct err *err);
int ctl_node_ready(struct ctl *ctl, struct err *err);
int ctl_node_add(struct ctl *ctl, struct err *err);
int ctl_node_remove(struct ctl *ctl, struct err *err);
int ctl_node_list(struct ctl *ctl, struct err *err);
int ctl_status(struct ctl *ctl, struct err *err);
int ctl_doctor(struct ctl *ctl, struct err *err);
int ctl_audit(struct ctl *ctl, struct err *err);
int ctl_webhook_secret(struct ctl *ctl, struct err *err);
int ctl_webhook_list(struct ctl *ctl, struct err *err);
int ctl_webhook_retry(struct ctl *ctl, struct err *err);
int ctl_config_sample(struct ctl *ctl, struct err *err);
int ctl_config_check(struct ctl *ctl, struct err *err);

/* A whole number in min..max; ERR_INVALID names `what`. */
int ctl_number(const char *text, const char *what, int64_t min, int64_t max, int64_t *out, struct err *err);

#endif
