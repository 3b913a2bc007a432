/* SPDX-License-Identifier: Apache-2.0 */
/* Each change of a template is one transaction; doorbells ring after its commit. */
#include "lib/service/templates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/service/audit.h"

void template_change_release(struct template_change *change)
{
    free(change->name);
    free(change->image);
    free(change->base_image);
    free(change->packages_json);
    free(change->languages);
    free(change->preload_json);
    free(change->oci_runtime);
    *change = TEMPLATE_CHANGE_INIT;
}

int template_service_get(const struct context *context, const char *id, struct template *out,
                         struct err *err)
{
    return template_repo_get(context->db, id, out, err);
}

int template_service_list(const struct context *context, const struct page *page,
                          struct template_list *out, struct err *err)
{
    return template_repo_list(context->db, page, out, err);
}

/* One change, handed through the transaction. */
struct changing {
    const struct context *context;
    const char *id;
    const struct template_change *change;
    struct template template; /* the outcome */
    bool changed;             /* there is something for the bell that the change rings */
};

static void merge_text(char **kept, const char *said, bool *failed)
{
    if (!said)
        return;
    free(*kept);
    *kept = strdup(said);
    *failed |= !*kept;
}

static void merge_number(int64_t *kept, int64_t said, int64_t open)
{
    if (said != open)
        *kept = said;
}

static void merge_flag(bool *kept, int said)
{
    if (said >= 0)
        *kept = said;
}

static void merge_resources(struct resources *kept, const struct resources *said)
{
    merge_number(&kept->cpu_milli, said->cpu_milli, 0);
    merge_number(&kept->memory_mb, said->memory_mb, 0);
    merge_number(&kept->disk_mb, said->disk_mb, 0);
    merge_number(&kept->max_processes, said->max_processes, 0);
}

static int merge(struct template *template, const struct template_change *change, struct err *err)
{
    bool failed = false;
    merge_text(&template->name, change->name, &failed);
    merge_text(&template->image, change->image, &failed);
    merge_text(&template->base_image, change->base_image, &failed);
    merge_text(&template->packages_json, change->packages_json, &failed);
    merge_text(&template->languages, change->languages, &failed);
    merge_text(&template->preload_json, change->preload_json, &failed);
    merge_text(&template->oci_runtime, change->oci_runtime, &failed);
    if (failed)
        return err_internal(err, 0, "out of memory for a template");
    merge_resources(&template->resources, &change->resources);
    merge_flag(&template->network_enabled, change->network_enabled);
    merge_flag(&template->read_only_root, change->read_only_root);
    merge_flag(&template->deprecated, change->deprecated);
    merge_number(&template->pool_min, change->pool_min, -1);
    merge_number(&template->pool_target, change->pool_target, -1);
    merge_number(&template->pool_max_idle_s, change->pool_max_idle_s, -1);
    if (template->pool_min <= template->pool_target)
        return 0;
    return err_field(err, change->pool_min >= 0 ? "/pool/min" : "/pool/target",
                     "pool.min (%" PRId64 ") must not be above pool.target (%" PRId64 ").", template->pool_min,
                     template->pool_target);
}

static int draft(const char *id, const struct template_change *change, struct template *out, struct err *err)
{
    static const struct template_change defaults = {
        .base_image = "",
        .packages_json = "[]",
        .languages = "python",
        .preload_json = "[]",
        .oci_runtime = "",
        .resources = { .cpu_milli = TEMPLATE_CPU_MILLI_DEFAULT, .memory_mb = TEMPLATE_MEMORY_MB_DEFAULT,
                       .disk_mb = TEMPLATE_DISK_MB_DEFAULT, .max_processes = PROCESSES_DEFAULT },
        .read_only_root = true,
        .pool_max_idle_s = TEMPLATE_IDLE_DEFAULT_S,
    };
    snprintf(out->id, sizeof(out->id), "%s", id);
    return merge(out, &defaults, err) != 0 ? -1 : merge(out, change, err);
}

static int create_work(struct db *db, void *arg, struct err *err)
{
    struct changing *changing = arg;
    cleanup(template_release) struct template template = { 0 };
    template_release(&changing->template);
    if (draft(changing->id, changing->change, &template, err) != 0 || template_repo_insert(db, &template, err) != 0 ||
        template_repo_get(db, changing->id, &changing->template, err) != 0)
        return -1;
    changing->changed = template.pool_target > 0;
    return audit_note(changing->context, "create", "template", changing->id, err, "image %s", template.image);
}

static int update_work(struct db *db, void *arg, struct err *err)
{
    struct changing *changing = arg;
    struct template *template = &changing->template;
    template_release(template);
    changing->changed = false;
    if (template_repo_lock(db, changing->id, template, err) != 0 || merge(template, changing->change, err) != 0 ||
        template_repo_update(db, template, &changing->changed, err) != 0)
        return -1;
    if (!changing->changed)
        return 0;
    template_release(template);
    if (template_repo_get(db, changing->id, template, err) != 0)
        return -1;
    return audit_note(changing->context, "update", "template", changing->id, err,
                      "image %s, pool target %" PRId64 "%s, preload %.512s", template->image, template->pool_target,
                      template->deprecated ? ", deprecated" : "", template->preload_json);
}

static int delete_work(struct db *db, void *arg, struct err *err)
{
    struct changing *changing = arg;
    int64_t sessions = 0;
    template_release(&changing->template);
    changing->changed = false;
    if (template_repo_lock(db, changing->id, &changing->template, err) != 0 ||
        template_repo_open_sessions(db, changing->id, &sessions, err) != 0)
        return -1;
    if (sessions > 0)
        return err_set(err, ERR_CONFLICT,
                       "Template '%s' is in use by sessions. End them first, or deprecate it: PUT "
                       "{\"deprecated\": true} lets it take no new ones.",
                       changing->id);
    if (container_repo_discard_all(db, changing->id, &changing->changed, err) != 0 ||
        template_repo_delete(db, changing->id, err) != 0)
        return -1;
    return audit_note(changing->context, "delete", "template", changing->id, err, "image %s", changing->template.image);
}

/* Runs the work and, once it is committed, rings. `out` may be NULL. */
static int run(struct changing *changing, db_work_fn work, const char *bell, struct template *out, struct err *err)
{
    const struct context *context = changing->context;
    int status = db_transaction(context->db, work, changing, err);
    if (status == 0 && changing->changed)
        doorbell_ring(context->doorbell, bell, changing->id);
    if (status == 0 && out) {
        *out = changing->template;
        changing->template = (struct template){ 0 };
    }
    template_release(&changing->template);
    return status;
}

int template_service_create(const struct context *context, const char *id, const struct template_change *change,
                            struct template *out, struct err *err)
{
    struct changing changing = { .context = context, .id = id, .change = change };
    return run(&changing, create_work, context->settings->doorbell.pool, out, err);
}

int template_service_update(const struct context *context, const char *id, const struct template_change *change,
                            struct template *out, struct err *err)
{
    struct changing changing = { .context = context, .id = id, .change = change };
    return run(&changing, update_work, context->settings->doorbell.pool, out, err);
}

int template_service_delete(const struct context *context, const char *id, struct err *err)
{
    struct changing changing = { .context = context, .id = id };
    return run(&changing, delete_work, context->settings->doorbell.provisiond, NULL, err);
}
