/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the warm pool at its targets. */
#include "lib/service/pool.h"

#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/placing.h"
#include "lib/util/failpoint.h"

/* One pass over one template. */
struct refill {
    const struct context *context;
    const struct template *template;
    bool changed; /* provisiond has something to do */
    bool no_room;
};

static int64_t target(const struct template *template)
{
    return template->deprecated ? 0 : template->pool_target;
}

static int discard(struct db *db, const struct string_list *ids, bool *any_out, struct err *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        bool changed = false;
        if (container_repo_discard(db, ids->items[i], &changed, err) != 0)
            return -1;
        FAILPOINT("pool.discarded");
        *any_out |= changed;
    }
    return 0;
}

static int trim(struct refill *refill, struct err *err)
{
    struct db *db = refill->context->db;
    cleanup(string_list_release) struct string_list ids = { 0 };
    if (container_repo_surplus(db, refill->template, target(refill->template), &ids, err) != 0)
        return -1;
    return discard(db, &ids, &refill->changed, err);
}

/* What was ordered while its template was being deleted. */
static int trim_orphans(const struct context *context, bool *changed, struct err *err)
{
    cleanup(string_list_release) struct string_list ids = { 0 };
    if (container_repo_orphans(context->db, &ids, err) != 0)
        return -1;
    return discard(context->db, &ids, changed, err);
}

static int order_work(struct db *db, void *arg, struct err *err)
{
    const struct template *template = ((struct refill *)arg)->template;
    struct container container = { /* borrows the template's texts: not released */
        .image = template->image,
        .languages = template->languages,
        .oci_runtime = template->oci_runtime,
        .network_enabled = template->network_enabled,
        .read_only_root = template->read_only_root,
        .resources = template->resources,
    };
    memcpy(container.template_id, template->id, sizeof(container.template_id));
    if (place_container(db, &container, err) != 0)
        return -1;
    FAILPOINT("pool.before-commit");
    return 0;
}

static int order(struct refill *refill, struct err *err)
{
    int64_t warm = 0, creating = 0;
    if (container_repo_count_pool(refill->context->db, refill->template->id, &warm, &creating, err) != 0)
        return -1;
    for (int64_t missing = target(refill->template) - warm - creating; missing > 0; missing--) {
        if (db_transaction(refill->context->db, order_work, refill, err) == 0) {
            refill->changed = true;
            FAILPOINT("pool.ordered");
            continue;
        }
        /* a node's answer, unlike a database that is away, is not a failure of the pass */
        refill->no_room = err->code == ERR_NO_ROOM;
        return refill->no_room ? 0 : -1;
    }
    return 0;
}

static int refill_each(const struct context *context, const struct template_list *templates, bool *changed,
                       bool *no_room, struct err *err)
{
    for (size_t i = 0; i < templates->count; i++) {
        struct refill refill = { .context = context, .template = &templates->items[i] };
        if (trim(&refill, err) != 0 || order(&refill, err) != 0)
            return -1;
        *changed |= refill.changed;
        *no_room |= refill.no_room;
    }
    return 0;
}

int pool_pass(struct pool *pool, const struct context *context, report_fn report, struct err *err)
{
    struct page page = { .limit = PAGE_LIMIT_MAX };
    bool changed = false, no_room = false;
    int result = trim_orphans(context, &changed, err);
    for (int64_t total = 1; result == 0 && page.offset < total; page.offset += page.limit) {
        struct template_list templates = { 0 };
        result = template_repo_list(context->db, &page, &templates, err);
        total = templates.total;
        if (result == 0)
            result = refill_each(context, &templates, &changed, &no_room, err);
        template_list_release(&templates);
    }
    if (changed)
        doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, "pool");
    if (no_room && !pool->short_of_room)
        report(LOG_LEVEL_WARN, "no node has room for the warm pool", NULL, NULL, NULL);
    if (result == 0)
        pool->short_of_room = no_room;
    return result;
}
