/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-provisiond and an executor that is never healthy by itself: its container says that it is ready. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/service/callbacks.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/jobs_stage.h"

static struct stage stage;
static pid_t provisiond;
static char build[64];

static void run(const char *format, const char *a, const char *b)
{
    char command[1024];
    snprintf(command, sizeof(command), format, a, b);
    ck_assert_msg(system(command) == 0, "%s", command);
}

/* A build directory whose executor sleeps. */
static void set_up(void)
{
    const char *real = getenv("SANDBOX_BUILD");
    snprintf(build, sizeof(build), "/run/sandbox-ready-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(build));
    ck_assert_int_eq(chmod(build, 0755), 0);
    run("ln -s $(readlink -f %s)/jobs %s/jobs", real && real[0] ? real : ".", build);
    run("mkdir %s/executor && printf '#!/bin/sh\\nexec sleep 1000\\n' > %s/executor/sandbox-executor", build, build);
    run("chmod 755 %s/executor/%s", build, "sandbox-executor");
    setenv("SANDBOX_BUILD", build, 1);
    stage_open(&stage, NULL);
    provisiond = stage_start(&stage, "provisiond");
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
}

static void tear_down(void)
{
    stage_stop(provisiond, SIGTERM);
    stage_close(&stage);
    run("rm -rf %s%s", build, "");
}

static void await_log(const char *text)
{
    char command[256];
    snprintf(command, sizeof(command), "grep -q '%s' %s/provisiond.log", text, stage.directory);
    for (int64_t end = clock_mono_ms() + 15000; clock_mono_ms() < end; poll(NULL, 0, 50))
        if (system(command) == 0)
            return;
    ck_abort_msg("provisiond does not say: %s", text);
}

START_TEST(test_jobs_ready__the_container_says_so)
{
    struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    struct session session = { 0 };
    struct caller caller = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(session_service_create(&stage.context, "tester", &request, &session, &err), 0);
    memcpy(caller.container_id, session.container_id, sizeof(caller.container_id));
    memcpy(caller.session_id, session.id, sizeof(caller.session_id));
    stage_await_count(&stage, "SELECT COUNT(*) FROM containers WHERE status = 'creating' AND claimed_by IS NOT NULL", 1);
    poll(NULL, 0, 1000); /* it is asked in vain meanwhile */
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM sessions WHERE status = 'creating'"), 1);
    ck_assert_msg(callback_ready(&stage.context, &caller, session.id, &err) == 0, "%s", err.text);
    await_log("container ready");
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id"
                                         " WHERE s.status = 'running' AND c.status = 'running' AND c.claimed_by IS NULL"), 1);
    session_release(&session);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_ready");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_ready__the_container_says_so);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
