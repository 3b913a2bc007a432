# Faults: failure points, and whatever else is done to the jobs and to what they stand on.
INVARIANTS = tests/integration/invariants.c tests/integration/invariants.h
FAULT_SCENE = tests/integration/fault_scene.c tests/integration/fault_scene.h $(INVARIANTS) $(JOBS_STAGE)
EXTRA_DIST += tests/invariants.sql
dist_check_SCRIPTS += tests/check-failpoints.sh
INTEGRATION_TESTS += tests/integration/test_failpoints
tests_integration_test_failpoints_SOURCES = tests/integration/test_failpoints.c $(FAULT_SCENE)
tests_integration_test_failpoints_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_faults
tests_integration_test_faults_SOURCES = tests/integration/test_faults.c $(FAULT_SCENE)
tests_integration_test_faults_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_deadlocks
tests_integration_test_deadlocks_SOURCES = tests/integration/test_deadlocks.c $(DB_FIXTURE)
tests_integration_test_deadlocks_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_fault_disk
tests_integration_test_fault_disk_SOURCES = tests/integration/test_fault_disk.c $(FAULT_SCENE)
tests_integration_test_fault_disk_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
