/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl audit: who did what. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/repo/audit_repo.h"
#include "lib/repo/clock_repo.h"
#include "lib/util/clock.h"
#include "lib/util/json.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, DAYS_MAX = 36500, LIMIT_DEFAULT = 100, LIMIT_MAX = 100000 };
enum { SINCE, OBJECT, ACTOR, LIMIT, JSON };

/* "2026-01-06T10:00:00Z", or "7d" ago. */
static int read_since(const struct ctl *ctl, int64_t *out, struct err *err)
{
    const char *text = ctl->options[SINCE];
    char *end = NULL;
    if (!text || clock_parse(text, out))
        return 0;
    long days = strtol(text, &end, 10);
    if (end == text || strcmp(end, "d") != 0 || days < 1 || days > DAYS_MAX)
        return err_set(err, ERR_INVALID, "--since must be a time such as 2026-01-06T10:00:00Z, or days such as 7d.");
    int status = clock_repo_now(ctl->context.db, out, err);
    *out -= days * DAY_MS;
    return status;
}

/* Texts that came from clients must not steer the terminal. */
static const char *plain(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return text;
}

static const char *or_dash(char *text)
{
    return *text ? plain(text) : "-";
}

static void print_line(struct audit_entry *entry)
{
    char at[CLOCK_TEXT_SIZE], object[sizeof(entry->object_kind) + sizeof(entry->object_id)];
    clock_format(entry->at, at);
    snprintf(object, sizeof(object), "%s %s", entry->object_kind, entry->object_id);
    printf("%-20s  %-22s  %-12s  %-10s  %-32s  %-15s  %-20s  %s\n", at, or_dash(entry->actor), or_dash(entry->token_id),
           or_dash(entry->action), plain(object), or_dash(entry->address), or_dash(entry->request_id),
           plain(entry->detail));
}

static int print_json(struct audit_entry *entry, struct err *err)
{
    char at[CLOCK_TEXT_SIZE];
    cleanup_json struct json_object *object = json_object_new_object();
    clock_format(entry->at, at);
    const struct {
        const char *name, *text;
    } members[] = {
        { "at", at }, { "actor", entry->actor }, { "token_id", entry->token_id }, { "action", entry->action },
        { "object_kind", entry->object_kind }, { "object_id", entry->object_id }, { "address", entry->address },
        { "request_id", entry->request_id }, { "detail", entry->detail },
    };
    for (size_t i = 0; object && i < sizeof(members) / sizeof(members[0]); i++)
        json_object_object_add(object, members[i].name, json_object_new_string(members[i].text));
    const char *text = object ? json_text(object) : NULL;
    if (!text)
        return err_internal(err, 0, "out of memory for a line");
    puts(text);
    return 0;
}

int ctl_audit(struct ctl *ctl, struct err *err)
{
    cleanup(audit_list_release) struct audit_list list = { 0 };
    struct audit_filter filter = { .object_id = ctl->options[OBJECT], .actor = ctl->options[ACTOR],
                                   .limit = LIMIT_DEFAULT };
    if (read_since(ctl, &filter.since_ms, err) != 0 ||
        (ctl->options[LIMIT] && ctl_number(ctl->options[LIMIT], "--limit", 1, LIMIT_MAX, &filter.limit, err) != 0) ||
        audit_repo_list(ctl->context.db, &filter, &list, err) != 0)
        return -1;
    if (!ctl->options[JSON])
        printf("%-20s  %-22s  %-12s  %-10s  %-32s  %-15s  %-20s  %s\n", "TIME", "ACTOR", "TOKEN", "ACTION", "OBJECT",
               "ADDRESS", "REQUEST", "DETAIL");
    for (size_t i = list.count; i > 0; i--) /* newest last */
        if (!ctl->options[JSON])
            print_line(&list.items[i - 1]);
        else if (print_json(&list.items[i - 1], err) != 0)
            return -1;
    return 0;
}
