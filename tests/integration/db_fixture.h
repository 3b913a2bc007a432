/* SPDX-License-Identifier: Apache-2.0 */
/* Tests against the database that tests/with-mariadb.sh provides: connections, empty tables, ready-made rows. */
#ifndef SANDBOX_TESTS_DB_FIXTURE_H
#define SANDBOX_TESTS_DB_FIXTURE_H

#include <check.h>

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/service/settings.h"

/* Fails the test with the error's texts unless `call` gives 0. `err` is the caller's. */
#define OK(call)                                                                                   \
    ck_assert_msg((call) == 0, "%s: code %d, %s (%s)", #call, err.code, err.text, err.detail)
/* The call fails with this code. */
#define FAILS(call, expected)                                                                      \
    do {                                                                                           \
        ck_assert_msg((call) != 0, "%s succeeded", #call);                                         \
        ck_assert_msg(err.code == (expected), "%s: code %d, %s (%s)", #call, err.code, err.text, err.detail); \
    } while (0)

/* Set up for each test: settings read, tables emptied (templates as shipped), `fixture_db` connected. */
extern struct settings *fixture_settings;
extern struct db *fixture_db;
void fixture_setup(void);
void fixture_teardown(void);

/* One number from one statement of plain SQL. */
int64_t fixture_number(const char *sql);
/* Runs plain SQL. */
void fixture_sql(const char *sql);
/* Waits until the statement gives `wanted`, for at most 10 s. */
void fixture_wait(const char *sql, int64_t wanted);

/* A ready node with this much room, seen now. */
void fixture_node(const char *id, int64_t cpu_milli, int64_t memory_mb, int64_t max_containers);
/* A running session `id` of `owner` with its running container; ids are cut to size. */
void fixture_session(const char *id, const char *owner, enum session_status status);
/* A pending execution. */
void fixture_execution(const char *id, const char *session_id, bool runnable);
/* A container row in any state. */
void fixture_container(const char *id, const char *node, const char *session_id, enum container_status status);

/* Runs `body(index)` in `count` threads at once and waits for all; each has its own connection to make. */
void fixture_threads(int count, void (*body)(int index));

/* The main function of a test program: runs the suite, 0 when all passed. */
int fixture_run(Suite *suite);
/* A test case with fixture_setup and fixture_teardown in `suite`. */
TCase *fixture_case(Suite *suite, const char *name);

#endif
