/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the executor's environment. */
#include "config.h"

#include "lib/runtime/executor_env.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/model/preload.h"
#include "lib/runtime/room.h"
#include "lib/wire/environment.h"

/* A failure leaves the count unchanged, which is found out at the end. */
static void __attribute__((format(printf, 2, 3))) add(struct executor_env *env, const char *format, ...)
{
    va_list args;
    char *item = NULL;
    va_start(args, format);
    if (env->count < EXECUTOR_ENV_MAX && vasprintf(&item, format, args) >= 0)
        env->items[env->count++] = item;
    va_end(args);
}

int executor_env_make(const struct runtime_spec *spec, const struct executor_place *place,
                      struct executor_env *out, struct err *err)
{
    enum { WANTED = 15 };
    struct executor_env env = { 0 };
    const struct resources *resources = &spec->resources;
    cleanup_strbuf struct strbuf modules = STRBUF_INIT(PRELOAD_LIST_SIZE);
    if (preload_list(spec->preload_json, &modules, err) != 0)
        return -1;
    add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add(&env, "LANG=C.UTF-8");
    add(&env, EXECUTOR_ENV_LISTEN "=unix:%s/" ROOM_SOCKET, place->run);
    if (place->gives_secret)
        add(&env, EXECUTOR_ENV_SECRET "=%s", spec->secret);
    else
        add(&env, EXECUTOR_ENV_SECRET_FILE "=%s/" ROOM_SECRET, place->run);
    add(&env, EXECUTOR_ENV_WORKSPACE "=%s", place->workspace);
    add(&env, EXECUTOR_ENV_TMP "=%s", place->tmp);
    add(&env, EXECUTOR_ENV_UID "=%u", place->uid);
    add(&env, EXECUTOR_ENV_GID "=%u", place->uid);
    add(&env, EXECUTOR_ENV_LANGUAGES "=%s", spec->languages ? spec->languages : "");
    add(&env, EXECUTOR_ENV_PRELOAD "=%s", strbuf_str(&modules));
    add(&env, EXECUTOR_ENV_NETWORK "=%d", spec->network_enabled ? 1 : 0);
    add(&env, EXECUTOR_ENV_CONFINE "=%s", place->confine);
    add(&env, EXECUTOR_ENV_NPROC "=%" PRId64, place->limits_processes ? resources->max_processes : 0);
    add(&env, EXECUTOR_ENV_MEMORY_MB "=%" PRId64, place->limits_memory ? resources->memory_mb : 0);
    add(&env, EXECUTOR_ENV_DISK_MB "=%" PRId64, resources->disk_mb);
    *out = env;
    if (env.count == WANTED)
        return 0;
    executor_env_release(out);
    return err_internal(err, 0, "out of memory for the executor's environment");
}

void executor_env_release(struct executor_env *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->items[i]);
    *env = (struct executor_env){ 0 };
}
