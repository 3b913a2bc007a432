# The database: run these through tests/with-mariadb.sh.
DB_FIXTURE = tests/integration/db_fixture.c tests/integration/db_fixture.h
DB_TEST_LIBS = lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libio.a lib/libmodel.a lib/libutil.a \
	$(MARIADB_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS) $(JSON_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_statements
tests_integration_test_repo_statements_SOURCES = tests/integration/test_repo_statements.c $(DB_FIXTURE)
tests_integration_test_repo_statements_LDADD = $(DB_TEST_LIBS)
dist_check_SCRIPTS += tests/with-mariadb.sh
INTEGRATION_TESTS += tests/integration/test_repo_executions
tests_integration_test_repo_executions_SOURCES = tests/integration/test_repo_executions.c $(DB_FIXTURE)
tests_integration_test_repo_executions_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_workspace
tests_integration_test_repo_workspace_SOURCES = tests/integration/test_repo_workspace.c $(DB_FIXTURE)
tests_integration_test_repo_workspace_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_states
tests_integration_test_repo_states_SOURCES = tests/integration/test_repo_states.c $(DB_FIXTURE)
tests_integration_test_repo_states_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_db
tests_integration_test_db_SOURCES = tests/integration/test_db.c $(DB_FIXTURE)
tests_integration_test_db_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_db_broken
tests_integration_test_db_broken_SOURCES = tests/integration/test_db_broken.c tests/fakes/breaking_proxy.c \
	tests/fakes/breaking_proxy.h $(DB_FIXTURE)
tests_integration_test_db_broken_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_sessions
tests_integration_test_repo_sessions_SOURCES = tests/integration/test_repo_sessions.c $(DB_FIXTURE)
tests_integration_test_repo_sessions_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_usage
tests_integration_test_repo_usage_SOURCES = tests/integration/test_repo_usage.c $(DB_FIXTURE)
tests_integration_test_repo_usage_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_repo_containers
tests_integration_test_repo_containers_SOURCES = tests/integration/test_repo_containers.c $(DB_FIXTURE)
tests_integration_test_repo_containers_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_sandboxctl
tests_integration_test_sandboxctl_SOURCES = tests/integration/test_sandboxctl.c $(DB_FIXTURE)
tests_integration_test_sandboxctl_LDADD = $(DB_TEST_LIBS)
