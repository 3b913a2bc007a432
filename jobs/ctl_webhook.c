/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl webhook ... */
#include <inttypes.h>
#include <stdlib.h>

#include "jobs/ctl.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/webhooks.h"
#include "lib/util/clock.h"

#define LINE "%-27s  %-16s  %-20s  %-9s  %5s  %6s  %-20s  %-20s  %s  %s\n"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 100000, NUMBER_SIZE = 24 };
enum { FAILED, OBJECT, LIMIT };
enum { OWNER, BEFORE };

int ctl_webhook_secret(struct ctl *ctl, struct err *err)
{
    char secret[WEBHOOK_SECRET_SIZE];
    if (webhook_secret(&ctl->settings->webhooks, ctl->options[OWNER], ctl->options[BEFORE] != NULL, secret, err) != 0)
        return -1;
    puts(secret);
    return 0;
}

/* What receivers and resolvers said must not steer the terminal. */
static const char *plain(char *text)
{
    for (char *c = text; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return text && *text ? text : "-";
}

static void print_line(const struct webhook *webhook)
{
    char created[CLOCK_TEXT_SIZE], due[CLOCK_TEXT_SIZE], tries[NUMBER_SIZE], answer[NUMBER_SIZE];
    clock_format(webhook->created_at, created);
    clock_format(webhook->due_at, due);
    snprintf(tries, sizeof(tries), "%" PRId64, webhook->attempts);
    snprintf(answer, sizeof(answer), "%" PRId64, webhook->answer);
    printf(LINE, webhook->id, webhook->owner, webhook->event, webhook_status_name(webhook->status), tries, webhook->answer ? answer : "-", created,
           webhook->status == WEBHOOK_WAITING ? due : "-", plain(webhook->url), plain(webhook->error));
}

int ctl_webhook_list(struct ctl *ctl, struct err *err)
{
    cleanup(webhook_list_release) struct webhook_list list = { 0 };
    struct webhook_filter filter = { .failed = ctl->options[FAILED] != NULL, .object_id = ctl->options[OBJECT], .limit = LIMIT_DEFAULT };
    if ((ctl->options[LIMIT] && ctl_number(ctl->options[LIMIT], "--limit", 1, LIMIT_MAX, &filter.limit, err) != 0) ||
        webhook_repo_list(ctl->context.db, &filter, &list, err) != 0)
        return -1;
    printf(LINE, "ID", "OWNER", "EVENT", "STATUS", "TRIES", "ANSWER", "CREATED", "NEXT TRY", "URL", "ERROR");
    for (size_t i = list.count; i > 0; i--) /* newest last */
        print_line(&list.items[i - 1]);
    return 0;
}

int ctl_webhook_retry(struct ctl *ctl, struct err *err)
{
    return webhook_retry(&ctl->context, ctl->arguments[0], err);
}
