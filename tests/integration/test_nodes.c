/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that an operator adds: their rows, who serves them, how they go. No engine is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/engine_repo.h"
#include "lib/repo/image_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/replacement_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/nodes.h"
#include "lib/service/served_nodes.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

static struct context context_of_test(void)
{
    return (struct context){ .db = fixture_db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                             .random_id = id_random, .actor = { .name = "test" } };
}

static void add(const char *id, const char *engine, const char *host)
{
    struct err err = ERR_INIT;
    struct context context = context_of_test();
    struct node node = { .engine = (char *)(uintptr_t)engine };
    snprintf(node.id, sizeof(node.id), "%s", id);
    snprintf(node.host, sizeof(node.host), "%s", host);
    OK(node_service_add(&context, &node, &err));
}

/* The names of what a host serves, or reaches, joined by commas. */
static const char *names(int (*ask)(struct db *, const char *, struct node_list *, struct err *), const char *host)
{
    static char out[256];
    struct err err = ERR_INIT;
    cleanup(node_list_release) struct node_list nodes = { 0 };
    out[0] = '\0';
    OK(ask(fixture_db, host, &nodes, &err));
    for (size_t i = 0; i < nodes.count; i++)
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i ? "," : "", nodes.items[i].id);
    return out;
}

#define SERVES(host, expected) ck_assert_str_eq(names(engine_repo_serve, host), expected)
#define REACHES(host, expected) ck_assert_str_eq(names(engine_repo_reached, host), expected)

START_TEST(test_nodes__are_served_by_one_host_at_a_time)
{
    struct err err = ERR_INIT;
    fixture_node("a", 4000, 4096, 10); /* a host's own: nobody else's */
    add("at-a", "unix:///run/one.sock", "a");
    add("at-b", "unix:///run/one.sock", "b");
    add("far", "tcp://engine.example:2376", "");
    REACHES("a", "at-a"); /* what names it is reached even without a lease: nobody else could */
    SERVES("a", "at-a,far");
    SERVES("b", "at-b");
    SERVES("a", "at-a,far");
    REACHES("a", "at-a,far");
    REACHES("b", "at-b");
    fixture_sql("UPDATE nodes SET served_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE served_by = 'a'");
    REACHES("a", "at-a");
    SERVES("b", "at-b,far");
    SERVES("a", "at-a");
    OK(engine_repo_release(fixture_db, "b", &err));
    SERVES("a", "at-a,far");
    /* a row that another host is given is left to the old one until its lease runs out */
    fixture_sql("UPDATE nodes SET host = 'b' WHERE id = 'at-a'");
    SERVES("b", "at-b");
    SERVES("a", "far");
    fixture_sql("UPDATE nodes SET served_until = UTC_TIMESTAMP(3) WHERE id = 'at-a'");
    SERVES("b", "at-a,at-b");
}
END_TEST

static _Atomic int won;

static void try_to_serve(int index)
{
    struct err err = ERR_INIT;
    char host[16];
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    cleanup(node_list_release) struct node_list nodes = { 0 };
    snprintf(host, sizeof(host), "h%d", index);
    OK(engine_repo_serve(db, host, &nodes, &err));
    won += (int)nodes.count;
}

START_TEST(test_nodes__two_hosts_never_get_the_same_lease)
{
    add("far", "tcp://engine.example:2376", "");
    for (int round = 0; round < 5; round++) {
        won = 0;
        fixture_sql("UPDATE nodes SET served_until = NULL, served_by = ''");
        fixture_threads(8, try_to_serve);
        ck_assert_int_eq(won, 1);
    }
}
END_TEST

START_TEST(test_nodes__only_who_serves_one_says_how_it_is)
{
    struct err err = ERR_INIT;
    struct node node = { .id = "far", .runtime_type = RUNTIME_DOCKER, .status = "ready", .isolation = "x", .cpu_milli = 2000,
                         .memory_mb = 1024, .max_containers = 5 };
    cleanup(node_release) struct node picked = { 0 };
    const struct resources small = { .cpu_milli = 1000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 128 };
    add("far", "tcp://engine.example:2376", "");
    FAILS(node_repo_pick(fixture_db, &(struct node_wish){ .image = "i", .need = small, .alive_s = 15 }, &picked, &err), ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "No host serves it yet"));
    SERVES("a", "far");
    OK(engine_repo_beat(fixture_db, &node, "b", &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE status = 'ready'"), 0);
    OK(engine_repo_beat(fixture_db, &node, "a", &err));
    OK(node_repo_pick(fixture_db, &(struct node_wish){ .image = "i", .need = small, .alive_s = 15 }, &picked, &err));
    ck_assert_str_eq(picked.id, "far");
    ck_assert_str_eq(picked.engine, "tcp://engine.example:2376");
    ck_assert_str_eq(picked.served_by, "a");
    ck_assert(picked.served);
    fixture_sql("DELETE FROM nodes"); /* a beat that comes late brings nothing back */
    OK(engine_repo_beat(fixture_db, &node, "a", &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes"), 0);
}
END_TEST

START_TEST(test_nodes__what_is_added_is_looked_at)
{
    struct err err = ERR_INIT;
    struct context context = context_of_test();
    struct node bad_name = { .id = "no spaces", .engine = "tcp://e:1" }, bad_url = { .id = "n", .engine = "http://e" },
                no_host = { .id = "n", .engine = "unix:///e" },
                tls = { .id = "n", .engine = "tcp://e:1", .tls_directory = "relative" }, twice = { .id = "n", .engine = "tcp://e:1" };
    FAILS(node_service_add(&context, &bad_name, &err), ERR_INVALID);
    FAILS(node_service_add(&context, &bad_url, &err), ERR_INVALID);
    FAILS(node_service_add(&context, &no_host, &err), ERR_INVALID);
    FAILS(node_service_add(&context, &tls, &err), ERR_INVALID);
    OK(node_service_add(&context, &twice, &err));
    FAILS(node_service_add(&context, &twice, &err), ERR_CONFLICT);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'add' AND object_id = 'n'"), 1);
}
END_TEST

START_TEST(test_nodes__one_with_sandboxes_is_not_removed)
{
    struct err err = ERR_INIT;
    struct context context = context_of_test();
    add("n1", "unix:///run/one.sock", "a");
    fixture_container("c1", "n1", "", CONTAINER_DELETING);
    FAILS(node_service_remove(&context, "n1", false, &err), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.text, "nodes drain n1"));
    fixture_sql("UPDATE containers SET status = 'deleted'; INSERT INTO node_images VALUES ('n1', 'i'), ('n2', 'i')");
    OK(node_service_remove(&context, "n1", false, &err));
    FAILS(node_service_remove(&context, "n1", false, &err), ERR_NODE_NOT_FOUND);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM node_images"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'remove' AND object_id = 'n1'"), 1);
    fixture_node("own", 4000, 4096, 10);
    FAILS(node_service_remove(&context, "own", false, &err), ERR_CONFLICT); /* it would be back in two seconds */
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE WHERE id = 'own'");
    OK(node_service_remove(&context, "own", false, &err));
}
END_TEST

START_TEST(test_nodes__one_that_is_gone_for_good_is_given_up)
{
    struct err err = ERR_INIT;
    struct context context = context_of_test();
    add("n1", "unix:///run/one.sock", "a");
    fixture_node("n2", 8000, 8192, 10);
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_sql("UPDATE sessions SET started_at = UTC_TIMESTAMP(3)");
    fixture_container("cwarm", "n1", "", CONTAINER_WARM);
    OK(node_service_remove(&context, "n1", true, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM nodes WHERE id = 'n1'"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE node_id = 'n1' AND status <> 'deleted'"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id"
                                    " WHERE s.status = 'creating' AND s.node_id = 'n2' AND c.node_id = 'n2'"), 1);
}
END_TEST

static int64_t images(const char *what)
{
    char query[160];
    snprintf(query, sizeof(query), "SELECT COUNT(*) FROM node_images WHERE %s", what);
    return fixture_number(query);
}

START_TEST(test_nodes__images_are_written_as_a_difference)
{
    struct err err = ERR_INIT;
    char *first[] = { "b:1", "a:1", "B:1" }, *second[] = { "c:1", "b:1" };
    struct string_list list = { first, 3 };
    OK(image_repo_store(fixture_db, "n1", &list, &err));
    OK(image_repo_store(fixture_db, "n2", &list, &err));
    ck_assert_int_eq(images("node_id = 'n1'"), 3);
    OK(image_repo_store(fixture_db, "n1", &list, &err));
    list = (struct string_list){ second, 2 };
    OK(image_repo_store(fixture_db, "n1", &list, &err));
    ck_assert_int_eq(images("node_id = 'n1'"), 2);
    ck_assert_int_eq(images("node_id = 'n1' AND image IN ('b:1', 'c:1')"), 2);
    OK(image_repo_add(fixture_db, "n1", "d:1", &err));
    OK(image_repo_add(fixture_db, "n1", "d:1", &err));
    ck_assert_int_eq(images("node_id = 'n1'"), 3);
    list.count = 0;
    OK(image_repo_store(fixture_db, "n1", &list, &err));
    ck_assert_int_eq(images("node_id = 'n1'"), 0);
    ck_assert_int_eq(images("node_id = 'n2'"), 3);
}
END_TEST

static void picks(const char *image, const char *expected)
{
    static const struct resources small = { .cpu_milli = 1000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 128 };
    struct err err = ERR_INIT;
    cleanup(node_release) struct node node = { 0 };
    OK(node_repo_pick(fixture_db, &(struct node_wish){ .image = image, .need = small, .alive_s = 15 }, &node, &err));
    ck_assert_msg(strcmp(node.id, expected) == 0, "%s: on %s instead of %s", image, node.id, expected);
}

START_TEST(test_nodes__one_that_has_the_image_comes_first)
{
    fixture_node("full", 1500, 4096, 10);
    fixture_node("has", 8000, 8192, 10);
    fixture_node("idle", 8000, 8192, 10);
    fixture_sql("UPDATE nodes SET runtime_type = 'docker'; INSERT INTO node_images VALUES ('has', 'a:1'), ('full', 'a:1'), ('full', 'b:1')");
    fixture_container("c1", "has", "", CONTAINER_WARM);
    picks("a:1", "full");
    fixture_container("c2", "full", "", CONTAINER_WARM);
    picks("a:1", "has"); /* though another is less loaded */
    picks("b:1", "idle"); /* who has it has no room */
    picks("c:1", "idle");
    fixture_sql("UPDATE nodes SET status = 'draining' WHERE id = 'has'");
    picks("a:1", "idle");
    fixture_sql("UPDATE nodes SET status = 'ready', last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 20 SECOND WHERE id = 'has'");
    picks("a:1", "idle");
    fixture_sql("UPDATE nodes SET runtime_type = 'process', last_seen_at = UTC_TIMESTAMP(3) WHERE id = 'has'");
    picks("c:1", "has"); /* it needs none */
}
END_TEST

static size_t lost(void)
{
    struct err err = ERR_INIT;
    cleanup(container_list_release) struct container_list list = { 0 };
    OK(replacement_repo_lost(fixture_db, 60, 3, 10, &list, &err));
    return list.count;
}

/* Its provisiond beats, so it is not silent: both the engine and the sandbox must be missed. */
START_TEST(test_nodes__an_engine_that_is_gone_loses_its_sessions)
{
    fixture_node("n1", 8000, 8192, 10);
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_sql("UPDATE sessions SET started_at = UTC_TIMESTAMP(3)");
    ck_assert_uint_eq(lost(), 0);
    fixture_sql("UPDATE nodes SET error = 'The container engine does not answer.'");
    ck_assert_uint_eq(lost(), 0); /* its executor answers: dockerd may only be restarting */
    fixture_sql("UPDATE containers SET misses = 3");
    ck_assert_uint_eq(lost(), 1);
    fixture_sql("UPDATE nodes SET error = NULL");
    ck_assert_uint_eq(lost(), 0); /* its engine is asked instead */
}
END_TEST

static size_t stuck(void)
{
    struct err err = ERR_INIT;
    cleanup(string_list_release) struct string_list ids = { 0 };
    OK(session_repo_stuck(fixture_db, 30, 10, &ids, &err));
    return ids.count;
}

START_TEST(test_nodes__a_session_whose_image_is_pulled_is_not_stuck)
{
    struct err err = ERR_INIT;
    cleanup(container_release) struct container container = { 0 };
    fixture_session("s1", "me", SESSION_CREATING);
    fixture_sql("UPDATE sessions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 5 MINUTE;"
                "UPDATE containers SET id = '0123456789ab', claimed_by = 'w'; UPDATE sessions SET container_id = '0123456789ab'");
    ck_assert_uint_eq(stuck(), 1);
    OK(container_repo_pulling(fixture_db, "0123456789ab", "another", 1000, "x", &err));
    ck_assert_uint_eq(stuck(), 1);
    OK(container_repo_pulling(fixture_db, "0123456789ab", "w", 1000, "Its image is being pulled: 1 of 2 layers.", &err));
    ck_assert_uint_eq(stuck(), 0);
    OK(container_repo_get(fixture_db, "0123456789ab", &container, &err));
    ck_assert_str_eq(container.error, "Its image is being pulled: 1 of 2 layers.");
    ck_assert_int_gt(container.pulled_at, 0);
    fixture_sql("UPDATE containers SET pulled_at = UTC_TIMESTAMP(3) - INTERVAL 31 SECOND"); /* it had its time after that */
    ck_assert_uint_eq(stuck(), 1);
}
END_TEST

START_TEST(test_nodes__a_host_takes_no_name_that_is_taken)
{
    struct err err = ERR_INIT;
    add("n1", "unix:///run/one.sock", "a");
    fixture_node("a", 4000, 4096, 10);
    OK(engine_repo_check_own(fixture_db, "a", &err));
    OK(engine_repo_check_own(fixture_db, "new", &err));
    FAILS(engine_repo_check_own(fixture_db, "n1", &err), ERR_CONFLICT);
}
END_TEST

START_TEST(test_nodes__have_settings_of_their_own)
{
    struct err err = ERR_INIT;
    struct node one = { .id = "one", .engine = "unix:///run/one.sock" }, two = { .id = "two", .engine = "unix:///run/two.sock" };
    cleanup_free struct settings *a = served_settings_new(fixture_settings, &one, &err);
    cleanup_free struct settings *b = served_settings_new(fixture_settings, &two, &err);
    char tag[NODE_TAG_SIZE], again[NODE_TAG_SIZE];
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    node_tag("one", tag);
    node_tag("one", again);
    ck_assert_str_eq(tag, again);
    ck_assert_uint_eq(strlen(tag), NODE_TAG_SIZE - 1);
    ck_assert_str_eq(a->runtime.kind, "docker");
    ck_assert_str_eq(a->runtime.docker_host, "unix:///run/one.sock");
    ck_assert_str_eq(b->runtime.docker_host, "unix:///run/two.sock");
    ck_assert_str_ne(a->runtime.directory, b->runtime.directory);
    ck_assert_ptr_nonnull(strstr(a->runtime.directory, tag));
    ck_assert_str_eq(a->database.name, fixture_settings->database.name);
}
END_TEST

START_TEST(test_nodes__executors_are_found_by_their_node)
{
    struct err err = ERR_INIT;
    struct runtime_endpoint own, near, far;
    char host[NODE_ID_SIZE], tag[NODE_TAG_SIZE], wanted[300];
    struct served_nodes *nodes = served_nodes_new(fixture_settings, &err);
    ck_assert_ptr_nonnull(nodes);
    node_own_id(fixture_settings, host);
    ck_assert_uint_eq(served_nodes_ids(nodes)->count, 1);
    ck_assert(served_nodes_endpoint(nodes, host, "0123456789ab", &own));
    ck_assert(!served_nodes_endpoint(nodes, "near", "0123456789ab", &near));
    add("near", "unix:///run/one.sock", host);
    add("far", "unix:///run/one.sock", "another");
    OK(served_nodes_refresh(nodes, fixture_db, &err));
    ck_assert_uint_eq(served_nodes_ids(nodes)->count, 2);
    ck_assert(served_nodes_endpoint(nodes, "near", "0123456789ab", &near));
    ck_assert(!served_nodes_endpoint(nodes, "far", "0123456789ab", &far));
    node_tag("near", tag);
    snprintf(wanted, sizeof(wanted), "%s/%s/0123456789ab/run/executor.sock", fixture_settings->runtime.directory, tag);
    ck_assert_str_eq(near.unix_path, wanted);
    ck_assert_str_ne(own.unix_path, near.unix_path);
    served_nodes_free(nodes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nodes");
    TCase *tcase = fixture_case(suite, "nodes");
    tcase_add_test(tcase, test_nodes__are_served_by_one_host_at_a_time);
    tcase_add_test(tcase, test_nodes__two_hosts_never_get_the_same_lease);
    tcase_add_test(tcase, test_nodes__only_who_serves_one_says_how_it_is);
    tcase_add_test(tcase, test_nodes__what_is_added_is_looked_at);
    tcase_add_test(tcase, test_nodes__one_with_sandboxes_is_not_removed);
    tcase_add_test(tcase, test_nodes__one_that_is_gone_for_good_is_given_up);
    tcase_add_test(tcase, test_nodes__have_settings_of_their_own);
    tcase_add_test(tcase, test_nodes__a_host_takes_no_name_that_is_taken);
    tcase_add_test(tcase, test_nodes__a_session_whose_image_is_pulled_is_not_stuck);
    tcase_add_test(tcase, test_nodes__an_engine_that_is_gone_loses_its_sessions);
    tcase_add_test(tcase, test_nodes__images_are_written_as_a_difference);
    tcase_add_test(tcase, test_nodes__one_that_has_the_image_comes_first);
    tcase_add_test(tcase, test_nodes__executors_are_found_by_their_node);
    return fixture_run(suite);
}
