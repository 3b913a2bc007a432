/* SPDX-License-Identifier: Apache-2.0 */
/* An execution as its interpreter is told of it: the job's text, or a shell's environment. */
#ifndef SANDBOX_EXECUTOR_JOB_H
#define SANDBOX_EXECUTOR_JOB_H

#include "executor/setup.h"
#include "lib/util/strbuf.h"
#include "lib/wire/execute.h"

enum { JOB_MAX = 8 * 1024 * 1024 };

/* Appends the JSON text that the runners read: code, event, env, uid, gid, workspace, execution_id, timeout_ms. */
int job_text(const struct setup *setup, const struct wire_execute *request, uid_t uid, struct strbuf *out,
             struct err *err) must_use;

/* The environment of a shell, NULL-terminated, to be released by job_envp_free(). $EVENT is there unless it is larger than
 * the kernel lets one variable be (128 KiB). */
char **job_envp(const struct setup *setup, const struct wire_execute *request, struct err *err) must_use;
void job_envp_free(char ***envp);

#endif
