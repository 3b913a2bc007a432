/* SPDX-License-Identifier: Apache-2.0 */
/* Writes jobs. */
#include "executor/job.h"

#include <errno.h>
#include <string.h>

#include "executor/launch.h"
#include "lib/wire/compose.h"

enum { VARIABLE_MAX = 128 * 1024 }; /* MAX_ARG_STRLEN of the kernel, with its NUL */

static void merge(struct compose *env, const struct json_object *more)
{
    json_object_object_foreach((struct json_object *)more, name, value)
    {
        /* not compose_text(): the name does not outlive the request */
        if (!env->failed && json_object_object_add(env->object, name, json_object_get(value)) != 0)
            env->failed = true;
    }
}

/* What bash finds for a user without an entry in the user database; without the variable it would look there, which costs. */
#define SHELL_PRESET "/bin/sh"

/* The clean environment, then the request's own variables. */
static int make_env(const struct setup *setup, const struct wire_execute *request, struct compose *env, struct err *err)
{
    cleanup_json struct json_object *more = NULL;
    compose_start(env);
    compose_text(env, "PATH", LAUNCH_PATH);
    compose_text(env, "HOME", setup->workspace);
    compose_text(env, "TMPDIR", setup->tmp);
    compose_text(env, "LANG", "C.UTF-8");
    if (request->language == LANGUAGE_SHELL)
        compose_text(env, "SHELL", SHELL_PRESET);
    if (request->env_json && json_parse(request->env_json, strlen(request->env_json), &more, err) != 0) {
        json_release(&env->object);
        return -1;
    }
    if (more)
        merge(env, more);
    return 0;
}

int job_text(const struct setup *setup, const struct wire_execute *request, uid_t uid, struct strbuf *out,
             struct err *err)
{
    struct compose job, env;
    if (make_env(setup, request, &env, err) != 0)
        return -1;
    compose_start(&job);
    compose_text(&job, "execution_id", request->execution_id);
    compose_text(&job, "code", request->code);
    compose_text(&job, "event", request->event_json ? request->event_json : "null");
    compose_text(&job, "workspace", setup->workspace);
    compose_int(&job, "uid", uid);
    compose_int(&job, "gid", setup->gid);
    compose_int(&job, "timeout_ms", request->timeout_ms);
    compose_object(&job, "env", &env);
    return compose_finish(&job, false, out, err);
}

static char *variable(const char *name, const char *value)
{
    struct strbuf text = STRBUF_INIT(VARIABLE_MAX - 1);
    strbuf_add_str(&text, name);
    strbuf_add_char(&text, '=');
    strbuf_add_str(&text, value);
    return strbuf_steal(&text);
}

char **job_envp(const struct setup *setup, const struct wire_execute *request, struct err *err)
{
    struct compose env;
    if (make_env(setup, request, &env, err) != 0)
        return NULL;
    cleanup_json struct json_object *object = env.object;
    size_t count = 0;
    char **envp = env.failed ? NULL : calloc((size_t)json_object_object_length(object) + 2, sizeof(*envp));
    if (!envp) {
        err_internal(err, errno, "out of memory for an environment");
        return NULL;
    }
    json_object_object_foreach(object, name, value)
    {
        if ((envp[count] = variable(name, json_object_get_string(value))))
            count++;
    }
    envp[count] = variable("EVENT", request->event_json ? request->event_json : "null");
    return envp;
}

void job_envp_free(char ***envp)
{
    for (char **at = *envp; at && *at; at++)
        free(*at);
    free(*envp);
    *envp = NULL;
}
