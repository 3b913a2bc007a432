# The executor's protocol, and the executor itself: started as root on this machine, without a container around it.
WIRE_TEST_LIBS = lib/libwire.a lib/libmodel.a lib/libutil.a $(JSON_LIBS) $(CHECK_LIBS)
EXECUTOR_CLIENT = tests/integration/executor_client.c tests/integration/executor_client.h \
	tests/integration/executor_suite.c tests/integration/executor_suite.h
EXECUTOR_TEST_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
INTEGRATION_TESTS += tests/integration/test_executor tests/integration/test_executor_attacks \
	tests/integration/test_executor_protocol tests/integration/test_executor_files tests/integration/test_executor_log \
	tests/integration/test_executor_preload \
	tests/integration/test_executor_changes tests/integration/test_executor_file_attacks \
	tests/integration/test_executor_storage_attacks tests/integration/test_executor_interpreters
tests_integration_test_executor_SOURCES = tests/integration/test_executor.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_attacks_SOURCES = tests/integration/test_executor_attacks.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_attacks_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_attacks_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_attacks_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_protocol_SOURCES = tests/integration/test_executor_protocol.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_protocol_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_protocol_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_protocol_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_files_SOURCES = tests/integration/test_executor_files.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_files_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_files_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_files_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_log_SOURCES = tests/integration/test_executor_log.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_log_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_log_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_log_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_preload_SOURCES = tests/integration/test_executor_preload.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_preload_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_preload_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_preload_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_changes_SOURCES = tests/integration/test_executor_changes.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_changes_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_changes_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_changes_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_file_attacks_SOURCES = tests/integration/test_executor_file_attacks.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_file_attacks_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_file_attacks_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_file_attacks_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_interpreters_SOURCES = tests/integration/test_executor_interpreters.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_interpreters_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_interpreters_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_interpreters_DEPENDENCIES = executor/sandbox-executor
tests_integration_test_executor_storage_attacks_SOURCES = tests/integration/test_executor_storage_attacks.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_storage_attacks_CPPFLAGS = $(EXECUTOR_TEST_CPPFLAGS)
tests_integration_test_executor_storage_attacks_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_storage_attacks_DEPENDENCIES = executor/sandbox-executor

UNIT_TESTS += tests/unit/test_wire_execute tests/unit/test_wire_event tests/unit/test_wire_changes
tests_unit_test_wire_changes_SOURCES = tests/unit/test_wire_changes.c
tests_unit_test_wire_changes_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_execute_SOURCES = tests/unit/test_wire_execute.c
tests_unit_test_wire_execute_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_event_SOURCES = tests/unit/test_wire_event.c
tests_unit_test_wire_event_LDADD = $(WIRE_TEST_LIBS)
