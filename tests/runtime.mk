# lib/io's HTTP client and child processes, and the runtimes. The integration tests need root, and an engine or
# namespaces; where those are missing they say so and pass over.
RUNTIME_TEST_LIBS = lib/libruntime.a lib/libio.a lib/libwire.a lib/libmodel.a lib/libutil.a \
	$(CURL_LIBS) $(JSON_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(CHECK_LIBS)
UNIT_TESTS += tests/unit/test_http tests/unit/test_spawn tests/unit/test_runtime tests/unit/test_docker_body
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_spawn_SOURCES = tests/unit/test_spawn.c
tests_unit_test_spawn_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_runtime_SOURCES = tests/unit/test_runtime.c
tests_unit_test_runtime_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_docker_body_SOURCES = tests/unit/test_docker_body.c
tests_unit_test_docker_body_LDADD = $(RUNTIME_TEST_LIBS)
UNIT_TESTS += tests/unit/test_container_logs
tests_unit_test_container_logs_SOURCES = tests/unit/test_container_logs.c
tests_unit_test_container_logs_LDADD = $(RUNTIME_TEST_LIBS)

check_PROGRAMS += tests/fakes/shell_executor
tests_fakes_shell_executor_SOURCES = tests/fakes/shell_executor.c executor/connect.c executor/connect.h
# static, and therefore without sanitizers: it runs in images that have no libraries
tests_fakes_shell_executor_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)
tests_fakes_shell_executor_CFLAGS = -std=gnu17 -Wall -Wextra -Werror
tests_fakes_shell_executor_LDFLAGS = -static

RUNTIME_STAGE = tests/integration/runtime_stage.c tests/integration/runtime_stage.h tests/integration/runtime_cases.c \
	tests/integration/runtime_looks.c
INTEGRATION_TESTS += tests/integration/test_runtime_process tests/integration/test_runtime_docker
tests_integration_test_runtime_process_SOURCES = tests/integration/test_runtime_process.c $(RUNTIME_STAGE)
EXTRA_tests_integration_test_runtime_process_DEPENDENCIES = tests/fakes/shell_executor
tests_integration_test_runtime_process_LDADD = $(RUNTIME_TEST_LIBS)
tests_integration_test_runtime_docker_SOURCES = tests/integration/test_runtime_docker.c $(RUNTIME_STAGE)
EXTRA_tests_integration_test_runtime_docker_DEPENDENCIES = tests/fakes/shell_executor
tests_integration_test_runtime_docker_LDADD = $(RUNTIME_TEST_LIBS)
UNIT_TESTS += tests/unit/test_quota
tests_unit_test_quota_SOURCES = tests/unit/test_quota.c
tests_unit_test_quota_LDADD = $(RUNTIME_TEST_LIBS)
UNIT_TESTS += tests/unit/test_docker_target
tests_unit_test_docker_target_SOURCES = tests/unit/test_docker_target.c
tests_unit_test_docker_target_LDADD = $(RUNTIME_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_relay
tests_integration_test_relay_SOURCES = tests/integration/test_relay.c tests/integration/relay_attacks.c tests/integration/relay_costs.c tests/integration/relay_own.c tests/integration/relay_runtime.c \
	$(RUNTIME_STAGE) tests/integration/relay_stage.c tests/integration/relay_stage.h
EXTRA_tests_integration_test_relay_DEPENDENCIES = tests/fakes/shell_executor
tests_integration_test_relay_LDADD = lib/libexecclient.a $(RUNTIME_TEST_LIBS)
dist_check_SCRIPTS += tests/tls-engine.sh
UNIT_TESTS += tests/unit/test_pull
tests_unit_test_pull_SOURCES = tests/unit/test_pull.c
tests_unit_test_pull_LDADD = $(RUNTIME_TEST_LIBS)
