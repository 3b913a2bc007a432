/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl template ... */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/io/doorbell.h"
#include "lib/model/preload.h"
#include "lib/repo/template_repo.h"
#include "lib/service/audit.h"

enum { ALL = 100000 };

int ctl_number(const char *text, const char *what, int64_t min, int64_t max, int64_t *out, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
        return err_set(err, ERR_INVALID, "%s must be a whole number from %" PRId64 " to %" PRId64 ".", what,
                       min, max);
    *out = value;
    return 0;
}

int ctl_template_list(struct ctl *ctl, struct err *err)
{
    cleanup(template_list_release) struct template_list templates = { 0 };
    const struct page page = { .limit = ALL };
    if (template_repo_list(ctl->context.db, &page, &templates, err) != 0)
        return -1;
    printf("%-24s  %-6s  %-8s  %-8s  %-5s  %-10s  %s\n", "ID", "CPU", "MEMORY", "DISK", "POOL", "STATE", "IMAGE");
    for (size_t i = 0; i < templates.count; i++) {
        const struct template *t = &templates.items[i];
        char cpu[QUANTITY_TEXT_SIZE], memory[QUANTITY_TEXT_SIZE], disk[QUANTITY_TEXT_SIZE];
        resources_format_cpu(t->resources.cpu_milli, cpu);
        resources_format_size(t->resources.memory_mb, memory);
        resources_format_size(t->resources.disk_mb, disk);
        printf("%-24s  %-6s  %-8s  %-8s  %-5" PRId64 "  %-10s  %s\n", t->id, cpu, memory, disk,
               t->pool_target, t->deprecated ? "deprecated" : "active", t->image);
    }
    return 0;
}

static void ring_pool(const struct ctl *ctl)
{
    doorbell_ring(-1, ctl->settings->doorbell.pool, "template");
}

struct change {
    const struct context *context;
    const char *id, *image, *preload; /* both NULL: the pool's target is what changes */
    int64_t target, min, max_idle_s; /* the latter two: -1 leaves them */
};

static int change_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    if (change->image)
        return template_repo_set_image(db, change->id, change->image, err) != 0
                   ? -1
                   : audit_note(change->context, "update", "template", change->id, err, "image %s", change->image);
    if (change->preload)
        return template_repo_set_preload(db, change->id, change->preload, err) != 0
                   ? -1
                   : audit_note(change->context, "update", "template", change->id, err, "preload %.512s", change->preload);
    if (template_repo_set_pool(db, change->id, change->target, change->min, change->max_idle_s, err) != 0)
        return -1;
    return audit_note(change->context, "update", "template", change->id, err, "pool target %" PRId64, change->target);
}

int ctl_template_pool(struct ctl *ctl, struct err *err)
{
    struct change change = { .context = &ctl->context, .id = ctl->arguments[0], .min = -1, .max_idle_s = -1 };
    const char *min = ctl->options[0], *idle = ctl->options[1];
    if (ctl_number(ctl->arguments[1], "TARGET", 0, TEMPLATE_POOL_MAX, &change.target, err) != 0 ||
        (min && ctl_number(min, "--min", 0, change.target, &change.min, err) != 0) ||
        (idle && ctl_number(idle, "--max-idle", 0, TEMPLATE_IDLE_MAX_S, &change.max_idle_s, err) != 0) ||
        db_transaction(ctl->context.db, change_work, &change, err) != 0)
        return -1;
    ring_pool(ctl);
    return 0;
}

int ctl_template_image(struct ctl *ctl, struct err *err)
{
    const char *image = ctl->arguments[1];
    size_t len = strlen(image);
    if (len == 0 || len > TEMPLATE_IMAGE_MAX || strspn(image, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                     "0123456789._-/:@") != len)
        return err_set(err, ERR_INVALID, "IMAGE must be an image reference such as sandbox/python:3.11-basic.");
    struct change change = { .context = &ctl->context, .id = ctl->arguments[0], .image = image };
    if (db_transaction(ctl->context.db, change_work, &change, err) != 0)
        return -1;
    ring_pool(ctl);
    return 0;
}

int ctl_template_preload(struct ctl *ctl, struct err *err)
{
    const char *list = ctl->arguments[1];
    cleanup_strbuf struct strbuf json = STRBUF_INIT(PRELOAD_JSON_SIZE);
    if (preload_json(strcmp(list, "none") == 0 ? "" : list, &json, err) != 0)
        return -1;
    struct change change = { .context = &ctl->context, .id = ctl->arguments[0], .preload = strbuf_str(&json) };
    if (db_transaction(ctl->context.db, change_work, &change, err) != 0)
        return -1;
    ring_pool(ctl);
    return 0;
}
