# The executor's protocol, and the executor itself: started as root on this machine, without a container around it.
WIRE_TEST_LIBS = lib/libwire.a lib/libmodel.a lib/libutil.a $(JSON_LIBS) $(CHECK_LIBS) -lm
EXECUTOR_CLIENT = tests/integration/executor_client.c tests/integration/executor_client.h
INTEGRATION_TESTS += tests/integration/test_executor
tests_integration_test_executor_SOURCES = tests/integration/test_executor.c $(EXECUTOR_CLIENT)
tests_integration_test_executor_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_integration_test_executor_LDADD = $(WIRE_TEST_LIBS)
EXTRA_tests_integration_test_executor_DEPENDENCIES = executor/sandbox-executor
