# Unit tests run without servers; integration tests start what they need through tests/with-*.sh.
UNIT_TESTS =
INTEGRATION_TESTS =
include tests/util.mk
include tests/storage.mk
include tests/executor.mk
include tests/runtime.mk
include tests/repo.mk
include tests/fcgi.mk
include tests/jobs.mk
include tests/faults.mk
include tests/fuzz.mk
check_PROGRAMS += $(UNIT_TESTS) $(INTEGRATION_TESTS)
TESTS = $(UNIT_TESTS)

# For the test runner of quickstart.sh.
.PHONY: list-unit-tests list-integration-tests
list-unit-tests:
	@echo $(UNIT_TESTS)
list-integration-tests:
	@echo $(INTEGRATION_TESTS)
