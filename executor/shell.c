/* SPDX-License-Identifier: Apache-2.0 */
/* bash's command line, or sh's. */
#include "executor/shell.h"

#include <string.h>

#include "executor/interpreter_list.h"
#include "executor/launch.h"

static int start(const struct setup *setup, const struct confine *confine, struct interpreter *interpreter, const char *path,
                 const struct shell *shell, struct err *err)
{
    /* bash that does not find itself under its name looks for its user's own shell in the user database, which costs */
    const char *const argv[] = { path, "-c", shell->code, "sandbox", NULL };
    const int *fds = interpreter->channel.child;
    const struct launch spec = { .path = path, .argv = argv, .envp = shell->envp,
                                 .directory = setup->workspace,
                                 .fds = { fds[CHANNEL_JOB], fds[CHANNEL_OUT], fds[CHANNEL_ERR], fds[CHANNEL_RESULT] },
                                 .fd_count = 4, .confine = confine, .limits = shell->limits,
                                 .uid = shell->uid, .gid = setup->gid };
    if (channel_write_job(&interpreter->channel, shell->event, strlen(shell->event), err) != 0)
        return -1;
    interpreter->pid = launch(&spec, err);
    channel_close_child(&interpreter->channel);
    return interpreter->pid < 0 ? -1 : 0;
}

struct interpreter *shell_start(const struct setup *setup, const struct confine *confine, uint64_t number, const struct shell *shell,
                                struct err *err)
{
    char path[LAUNCH_PATH_SIZE];
    if (!launch_find("bash", path) && !launch_find("sh", path)) {
        err_set(err, ERR_NOT_FOUND, "The sandbox's image has no shell (bash or sh).");
        return NULL;
    }
    struct interpreter *interpreter = interpreter_new(LANGUAGE_SHELL, number, err);
    if (interpreter && start(setup, confine, interpreter, path, shell, err) != 0) {
        interpreter_free(interpreter);
        return NULL;
    }
    return interpreter;
}
