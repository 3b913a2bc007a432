/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the warm pool at its targets. */
#include "lib/service/pool.h"

#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/placing.h"
#include "lib/service/pool_demand.h"
#include "lib/util/failpoint.h"

/* One pass over one template. */
struct refill {
    const struct context *context;
    const struct template *template;
    int64_t wanted;
    bool ordered;
    struct pool *pool; /* counted in */
    bool no_room;
};

static int follow_demand(struct refill *refill, struct err *err)
{
    struct demand demand;
    const struct context *context = refill->context;
    if (demand_repo_read(context->db, refill->template, &demand, err) != 0)
        return -1;
    refill->wanted = pool_demand_next(refill->template, &demand, context->settings->pool.surge);
    if (demand.known && demand.wanted == refill->wanted && demand.burst == 0)
        return 0;
    if (!demand.known && refill->wanted == 0)
        return 0;
    return demand_repo_store(context->db, refill->template->id, refill->wanted, demand.burst > 0, err);
}

static int discard(struct db *db, const struct string_list *ids, struct pool *pool, struct err *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        bool changed = false;
        if (container_repo_discard(db, ids->items[i], &changed, err) != 0)
            return -1;
        FAILPOINT("pool.discarded");
        pool->removed += changed;
    }
    return 0;
}

static int trim(struct refill *refill, struct err *err)
{
    struct db *db = refill->context->db;
    cleanup(string_list_release) struct string_list ids = { 0 };
    if (container_repo_surplus(db, refill->template, refill->wanted, &ids, err) != 0)
        return -1;
    return discard(db, &ids, refill->pool, err);
}

/* What was ordered while its template was being deleted. */
static int trim_orphans(const struct context *context, struct pool *pool, struct err *err)
{
    cleanup(string_list_release) struct string_list ids = { 0 };
    if (container_repo_orphans(context->db, &ids, err) != 0)
        return -1;
    return discard(context->db, &ids, pool, err);
}

/* One, if it is still missing: whoever else orders waits for the row of the demand. */
static int order_work(struct db *db, void *arg, struct err *err)
{
    struct refill *refill = arg;
    const struct template *template = refill->template;
    int64_t wanted = 0, warm = 0, creating = 0;
    refill->ordered = false;
    if (demand_repo_lock(db, template->id, &wanted, err) != 0 ||
        container_repo_count_pool(db, template->id, &warm, &creating, err) != 0)
        return -1;
    if (warm + creating >= wanted)
        return 0;
    struct container container = { /* borrows the template's texts: not released */
        .image = template->image,
        .languages = template->languages,
        .preload_json = template->preload_json,
        .oci_runtime = template->oci_runtime,
        .network_enabled = template->network_enabled,
        .read_only_root = template->read_only_root,
        .resources = template->resources,
    };
    const struct placing placing = { .kept_free = refill->context->settings->pool.reserve };
    memcpy(container.template_id, template->id, sizeof(container.template_id));
    if (place_container(db, &container, &placing, err) != 0)
        return -1;
    refill->ordered = true;
    FAILPOINT("pool.before-commit");
    return 0;
}

static int order(struct refill *refill, struct err *err)
{
    int64_t warm = 0, creating = 0;
    if (container_repo_count_pool(refill->context->db, refill->template->id, &warm, &creating, err) != 0)
        return -1;
    refill->ordered = warm + creating < refill->wanted;
    while (refill->ordered) {
        if (db_transaction(refill->context->db, order_work, refill, err) == 0) {
            refill->pool->ordered += refill->ordered;
            FAILPOINT("pool.ordered");
            continue;
        }
        /* a node's answer, unlike a database that is away, is not a failure of the pass */
        refill->no_room = err->code == ERR_NO_ROOM;
        return refill->no_room ? 0 : -1;
    }
    return 0;
}

static int refill_each(const struct context *context, const struct template_list *templates, struct pool *pool, bool *no_room,
                       struct err *err)
{
    for (size_t i = 0; i < templates->count; i++) {
        struct refill refill = { .context = context, .template = &templates->items[i], .pool = pool };
        if (follow_demand(&refill, err) != 0 || trim(&refill, err) != 0 || order(&refill, err) != 0)
            return -1;
        *no_room |= refill.no_room;
    }
    return 0;
}

int pool_pass(struct pool *pool, const struct context *context, report_fn report, struct err *err)
{
    struct page page = { .limit = PAGE_LIMIT_MAX };
    bool no_room = false;
    pool->ordered = pool->removed = 0;
    int result = trim_orphans(context, pool, err);
    for (int64_t total = 1; result == 0 && page.offset < total; page.offset += page.limit) {
        struct template_list templates = { 0 };
        result = template_repo_list(context->db, &page, &templates, err);
        total = templates.total;
        if (result == 0)
            result = refill_each(context, &templates, pool, &no_room, err);
        template_list_release(&templates);
    }
    if (pool->ordered + pool->removed > 0)
        doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, "pool");
    if (no_room && !pool->short_of_room)
        report(LOG_LEVEL_WARN, "no node has room for the warm pool", NULL, NULL, NULL);
    if (result == 0)
        pool->short_of_room = no_room;
    return result;
}
