/* SPDX-License-Identifier: Apache-2.0 */
/* lib/model/states.h against lib/repo: each function that changes a state, tried from each state. What happens must be legal,
 * and whatever is legal must happen somewhere. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/cancellation_repo.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "lib/repo/replacement_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/template_repo.h"
#include "tests/integration/db_fixture.h"

enum { STATES_MAX = 8 };
static bool seen[STATES_MAX][STATES_MAX];

/* The state of the only row, found by its name. */
static int state_of(const char *table, int count, const char *(*name)(int))
{
    char sql[160];
    for (int i = 0; i < count; i++) {
        snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s WHERE status = '%s'", table, name(i));
        if (fixture_number(sql) == 1)
            return i;
    }
    ck_abort_msg("the %s's state has no name", table);
}

static void put(const char *table, const char *state)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "UPDATE %s SET status = '%s'", table, state);
    fixture_sql(sql);
}

/* Each legal change was seen, and no other. */
static void compare(int count, bool (*may)(int, int), const char *(*name)(int))
{
    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++)
            if (from != to)
                ck_assert_msg(seen[from][to] == may(from, to), "%s -> %s: %s", name(from), name(to),
                              seen[from][to] ? "done, but not in the table" : "in the table, but nobody does it");
}

/* --- sessions */

static const char *session_name(int status)
{
    return session_status_name((enum session_status)status);
}

static bool session_may(int from, int to)
{
    return session_may_change((enum session_status)from, (enum session_status)to);
}

/* Function number `which`; false: there is no such. */
static bool change_session(int which, bool *changed)
{
    struct err err = ERR_INIT;
    static const enum session_status ends[] = { SESSION_TERMINATED, SESSION_TIMEOUT, SESSION_FAILED };
    if (which == 0)
        OK(session_repo_start(fixture_db, "s1", changed, &err));
    else if (which < 4)
        OK(session_repo_end(fixture_db, "s1", NULL, ends[which - 1], "why", changed, &err));
    else if (which == 4)
        OK(replacement_repo_bind(fixture_db, "s1", "c", &(struct container){ .id = "c" }, SESSION_CREATING, true, changed, &err));
    else
        return false;
    return true;
}

START_TEST(test_states__sessions)
{
    fixture_session("s1", "me", SESSION_CREATING);
    fixture_sql("UPDATE sessions SET container_id = 'c'");
    for (int from = 0; from < SESSION_STATUSES; from++) {
        bool changed = false;
        for (int which = 0; put("sessions", session_name(from)), change_session(which, &changed); which++) {
            int to = state_of("sessions", SESSION_STATUSES, session_name);
            ck_assert(changed == (to != from) || (which == 4 && changed && from == SESSION_CREATING)); /* it counts one more */
            seen[from][to] = true;
        }
    }
    compare(SESSION_STATUSES, session_may, session_name);
}
END_TEST

/* --- containers */

static const char *container_name(int status)
{
    return container_status_name((enum container_status)status);
}

static bool container_may(int from, int to)
{
    return container_may_change((enum container_status)from, (enum container_status)to);
}

static int claim_work(struct db *db, void *arg, struct err *err)
{
    cleanup(template_release) struct template template = { 0 };
    cleanup(container_release) struct container container = { 0 };
    bool found = false;
    (void)arg;
    if (template_repo_share(db, "python-basic", &template, err) != 0)
        return -1;
    return container_repo_claim_warm(db, &template, &template.resources, "s2", &container, &found, err);
}

static bool change_container(int which)
{
    struct err err = ERR_INIT;
    bool changed = false;
    cleanup(container_list_release) struct container_list taken = { 0 };
    switch (which) {
    case 0: OK(container_repo_ready(fixture_db, "c1", "w", &changed, &err)); return true;
    case 1: OK(db_transaction(fixture_db, claim_work, NULL, &err)); return true;
    case 2: OK(container_repo_delete(fixture_db, "c1", &changed, &err)); return true;
    case 3: OK(container_repo_delete_of_session(fixture_db, "s1", &err)); return true;
    case 4: OK(container_repo_discard(fixture_db, "c1", &changed, &err)); return true;
    case 5: OK(container_repo_discard_all(fixture_db, "python-basic", &changed, &err)); return true;
    case 6: OK(container_repo_deleted(fixture_db, "c1", &err)); return true;
    case 7: OK(container_repo_again(fixture_db, "c1", "w", 0, "why", &changed, &err)); return true;
    case 8: OK(container_repo_release(fixture_db, "w", &err)); return true;
    case 9: OK(container_repo_claim_work(fixture_db, "n1", "v", WORK_SESSIONS_FIRST, 1000, 1, &taken, &err)); return true;
    default: return false;
    }
}

/* As provisiond has it in hands, of the session or of the pool. */
static void put_container(const char *session_id, int status)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "UPDATE containers SET session_id = '%s', claimed_by = 'w', due_at = UTC_TIMESTAMP(3)", session_id);
    fixture_sql(sql);
    put("containers", container_name(status));
}

START_TEST(test_states__containers)
{
    fixture_container("c1", "n1", "", CONTAINER_CREATING);
    for (int from = 0; from < CONTAINER_STATUSES; from++) {
        for (int of_session = 0; of_session < 2; of_session++) {
            if (of_session ? from == CONTAINER_WARM : from == CONTAINER_RUNNING)
                continue; /* there is no such */
            const char *session = of_session ? "s1" : "";
            for (int which = 0; put_container(session, from), change_container(which); which++)
                seen[from][state_of("containers", CONTAINER_STATUSES, container_name)] = true;
        }
    }
    compare(CONTAINER_STATUSES, container_may, container_name);
}
END_TEST

/* --- executions */

static const char *execution_name(int status)
{
    return execution_status_name((enum execution_status)status);
}

static bool execution_may(int from, int to)
{
    return execution_may_change((enum execution_status)from, (enum execution_status)to);
}

static int64_t seq;

static bool change_execution(int which)
{
    struct err err = ERR_INIT;
    const struct execution_outcome outcome = { 0 };
    bool changed = false;
    uint64_t failed[LANGUAGES] = { 0 };
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    cleanup(string_list_release) struct string_list waiters = { 0 };
    bool webhooks = false;
    enum { FINISH = 5, PUSH = FINISH + EXECUTION_STATUSES, END = PUSH + EXECUTION_STATUSES };
    if (which >= END)
        return false;
    int status = which >= PUSH ? which - PUSH : which - FINISH;
    if (which >= FINISH && !execution_status_final((enum execution_status)status))
        return true; /* no end */
    switch (which) {
    case 0: OK(execution_repo_claim(fixture_db, "d", NULL, 1, &claims, NULL, &err)); break;
    case 1: OK(execution_repo_retry(fixture_db, seq, "d", 0, &changed, &err)); break;
    case 2: OK(execution_repo_fail_session(fixture_db, "s1", "kind", "why", &waiters, failed, &webhooks, &err)); break;
    case 3: OK(cancellation_repo_end_pending(fixture_db, seq, &changed, &err)); break;
    case 4: OK(execution_repo_release(fixture_db, "d", &err)); break;
    default:
        if (which < PUSH)
            OK(execution_repo_finish(fixture_db, seq, "d", (enum execution_status)status, &outcome, &changed, &err));
        else
            OK(push_repo_finish(fixture_db, seq, (enum execution_status)status, &outcome, &changed, &err));
    }
    return true;
}

static void put_execution(int status)
{
    fixture_sql("UPDATE executions SET claimed_by = 'd', due_at = UTC_TIMESTAMP(3), runnable = 1");
    put("executions", execution_name(status));
}

START_TEST(test_states__executions)
{
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    seq = fixture_number("SELECT seq FROM executions");
    for (int from = 0; from < EXECUTION_STATUSES; from++)
        for (int which = 0; put_execution(from), change_execution(which); which++)
            seen[from][state_of("executions", EXECUTION_STATUSES, execution_name)] = true;
    compare(EXECUTION_STATUSES, execution_may, execution_name);
}
END_TEST

/* The one change that the table does not know: within the transaction that stored `crashed`, so that nobody sees it. */
START_TEST(test_states__a_cancellation_overrules_a_loss_only)
{
    struct err err = ERR_INIT;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    seq = fixture_number("SELECT seq FROM executions");
    OK(cancellation_repo_ask(fixture_db, seq, &err));
    for (int from = 0; from < EXECUTION_STATUSES; from++) {
        bool changed = false;
        put_execution(from);
        OK(cancellation_repo_overrule(fixture_db, seq, &changed, &err));
        bool loss = from == EXECUTION_PENDING || from == EXECUTION_CRASHED;
        ck_assert_int_eq(changed, loss);
        ck_assert_int_eq(state_of("executions", EXECUTION_STATUSES, execution_name), loss ? EXECUTION_CANCELLED : from);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("states");
    TCase *tcase = fixture_case(suite, "states");
    tcase_add_test(tcase, test_states__sessions);
    tcase_add_test(tcase, test_states__containers);
    tcase_add_test(tcase, test_states__executions);
    tcase_add_test(tcase, test_states__a_cancellation_overrules_a_loss_only);
    return fixture_run(suite);
}
