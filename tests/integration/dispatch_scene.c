/* SPDX-License-Identifier: Apache-2.0 */
/* Sets the scene, and clears it. */
#include "tests/integration/dispatch_scene.h"

#include <signal.h>

struct stage stage;
struct session session;
struct container container;
char socket_path[256];
struct fake_executor *fake;
pid_t dispatchd;

void scene_set_up(void)
{
    stage_open(&stage, NULL);
    stage_add_running(&stage, &session, &container, socket_path);
    fake = fake_executor_start(socket_path);
    dispatchd = stage_start(&stage, "dispatchd");
}

void scene_tear_down(void)
{
    stage_stop(dispatchd, SIGTERM);
    fake_executor_stop(fake);
    session_release(&session);
    container_release(&container);
    stage_close(&stage);
}
