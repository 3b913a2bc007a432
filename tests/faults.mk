# Faults: failure points, and whatever else is done to the jobs and to what they stand on.
INVARIANTS = tests/integration/invariants.c tests/integration/invariants.h
EXTRA_DIST += tests/invariants.sql
dist_check_SCRIPTS += tests/check-failpoints.sh
INTEGRATION_TESTS += tests/integration/test_failpoints
tests_integration_test_failpoints_SOURCES = tests/integration/test_failpoints.c tests/integration/failpoint_scene.c \
	tests/integration/failpoint_scene.h $(INVARIANTS) $(JOBS_STAGE)
tests_integration_test_failpoints_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
