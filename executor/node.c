/* SPDX-License-Identifier: Apache-2.0 */
/* Node.js's command line, and the runner as a file in memory. */
#include "executor/node.h"

#include "executor/launch.h"
#include "executor/runners.h"
#include "executor/zygote.h"

static const char bootstrap[] =
    "require('vm').runInThisContext(require('fs').readFileSync(6, 'utf8'), '<runner>')(require, s => import(s))";

pid_t node_start(const struct setup *setup, const struct channel *channel, const struct confine *confine, struct err *err)
{
    const char *const argv[] = {
        "node",
        "--experimental-vm-modules", /* for import() in Node.js 18 */
        "--v8-pool-size=1",          /* not 4: each thread has to be stopped to change the user, and be ended */
        "-e", bootstrap, setup->workspace, NULL,
    };
    static const char *const envp[] = { "PATH=" LAUNCH_PATH, "LANG=C.UTF-8", NULL };
    char path[LAUNCH_PATH_SIZE];
    if (!launch_find("node", path) && !launch_find("nodejs", path))
        return err_set(err, ERR_NOT_FOUND, "The sandbox's image has no JavaScript interpreter (node).");
    cleanup_fd int script = zygote_script(runner_javascript, runner_javascript_len, err);
    if (script < 0)
        return -1;
    const int *fds = channel->child;
    const struct launch spec = { .path = path, .argv = argv, .envp = envp, .directory = "/",
                                 .fds = { -1, fds[0], fds[1], fds[2], fds[3], fds[4], script }, .fd_count = 7,
                                 .confine = confine };
    return launch(&spec, err);
}
