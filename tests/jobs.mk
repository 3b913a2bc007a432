# The executor client, the dispatcher and the jobs.
UNIT_TESTS += tests/unit/test_execclient tests/unit/test_dispatch_outcome tests/unit/test_dispatch_bell
tests_unit_test_dispatch_bell_SOURCES = tests/unit/test_dispatch_bell.c
tests_unit_test_dispatch_bell_LDADD = lib/libservice.a lib/libio.a lib/libmodel.a lib/libutil.a $(CHECK_LIBS)
tests_unit_test_execclient_SOURCES = tests/unit/test_execclient.c tests/fakes/fake_executor.c tests/fakes/fake_executor.h
tests_unit_test_execclient_LDADD = lib/libexecclient.a lib/libio.a lib/libwire.a lib/libmodel.a lib/libutil.a \
	$(CURL_LIBS) $(JSON_LIBS) $(CHECK_LIBS)
tests_unit_test_dispatch_outcome_SOURCES = tests/unit/test_dispatch_outcome.c
tests_unit_test_dispatch_outcome_LDADD = lib/libservice.a lib/libexecclient.a lib/libio.a lib/libwire.a lib/libmodel.a \
	lib/libutil.a $(CURL_LIBS) $(JSON_LIBS) $(CHECK_LIBS)

JOBS_STAGE = tests/integration/jobs_stage.c tests/integration/jobs_stage.h tests/fakes/fake_executor.c tests/fakes/fake_executor.h
DISPATCH_SCENE = tests/integration/dispatch_scene.c tests/integration/dispatch_scene.h $(JOBS_STAGE)
INTEGRATION_TESTS += tests/integration/test_jobs_dispatch
tests_integration_test_jobs_dispatch_SOURCES = tests/integration/test_jobs_dispatch.c $(DISPATCH_SCENE)
tests_integration_test_jobs_dispatch_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_provision
tests_integration_test_jobs_provision_SOURCES = tests/integration/test_jobs_provision.c $(JOBS_STAGE)
tests_integration_test_jobs_provision_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_cancel
tests_integration_test_jobs_cancel_SOURCES = tests/integration/test_jobs_cancel.c $(DISPATCH_SCENE)
tests_integration_test_jobs_cancel_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_looks
tests_integration_test_jobs_looks_SOURCES = tests/integration/test_jobs_looks.c $(JOBS_STAGE)
tests_integration_test_jobs_looks_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_push
tests_integration_test_jobs_push_SOURCES = tests/integration/test_jobs_push.c $(DISPATCH_SCENE)
tests_integration_test_jobs_push_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_trace
tests_integration_test_jobs_trace_SOURCES = tests/integration/test_jobs_trace.c $(DISPATCH_SCENE)
tests_integration_test_jobs_trace_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_assigned
tests_integration_test_jobs_assigned_SOURCES = tests/integration/test_jobs_assigned.c $(DISPATCH_SCENE)
tests_integration_test_jobs_assigned_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_ready
tests_integration_test_jobs_ready_SOURCES = tests/integration/test_jobs_ready.c $(JOBS_STAGE)
tests_integration_test_jobs_ready_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_metrics
tests_integration_test_jobs_metrics_SOURCES = tests/integration/test_jobs_metrics.c $(JOBS_STAGE)
tests_integration_test_jobs_metrics_LDADD = $(JOB_LIBS) $(CHECK_LIBS) -lm
INTEGRATION_TESTS += tests/integration/test_jobs_purge
tests_integration_test_jobs_purge_SOURCES = tests/integration/test_jobs_purge.c tests/integration/purge_scene.c \
	tests/integration/purge_scene.h $(DB_FIXTURE)
tests_integration_test_jobs_purge_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_provision_broken
tests_integration_test_provision_broken_SOURCES = tests/integration/test_provision_broken.c tests/fakes/breaking_proxy.c \
	tests/fakes/breaking_proxy.h $(DB_FIXTURE)
tests_integration_test_provision_broken_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_files
tests_integration_test_jobs_files_SOURCES = tests/integration/test_jobs_files.c tests/integration/files_scene.c \
	tests/integration/files_scene.h $(JOBS_STAGE)
tests_integration_test_jobs_files_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_files_lost
tests_integration_test_jobs_files_lost_SOURCES = tests/integration/test_jobs_files_lost.c tests/integration/files_scene.c \
	tests/integration/files_scene.h $(JOBS_STAGE)
tests_integration_test_jobs_files_lost_LDADD = $(JOB_LIBS) $(CHECK_LIBS) -lm
UNIT_TESTS += tests/unit/test_pull_list
tests_unit_test_pull_list_SOURCES = tests/unit/test_pull_list.c
tests_unit_test_pull_list_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_probe
tests_integration_test_probe_SOURCES = tests/integration/test_probe.c $(JOBS_STAGE)
tests_integration_test_probe_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_deaths
tests_integration_test_deaths_SOURCES = tests/integration/test_deaths.c tests/integration/invariants.c tests/integration/invariants.h $(JOBS_STAGE)
tests_integration_test_deaths_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_jobs_frame
tests_integration_test_jobs_frame_SOURCES = tests/integration/test_jobs_frame.c $(JOBS_STAGE)
tests_integration_test_jobs_frame_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_purge_rows
tests_integration_test_purge_rows_SOURCES = tests/integration/test_purge_rows.c tests/integration/purge_scene.c \
	tests/integration/purge_scene.h $(DB_FIXTURE)
tests_integration_test_purge_rows_LDADD = $(DB_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_webhook_outbox
tests_integration_test_webhook_outbox_SOURCES = tests/integration/test_webhook_outbox.c tests/fakes/receiver.c tests/fakes/receiver.h $(DISPATCH_SCENE)
tests_integration_test_webhook_outbox_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_webhooks
tests_integration_test_webhooks_SOURCES = tests/integration/test_webhooks.c tests/fakes/receiver.c tests/fakes/receiver.h $(DB_FIXTURE)
tests_integration_test_webhooks_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
UNIT_TESTS += tests/unit/test_delivery_rules
tests_unit_test_delivery_rules_SOURCES = tests/unit/test_delivery_rules.c
tests_unit_test_delivery_rules_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
INTEGRATION_TESTS += tests/integration/test_clocks
tests_integration_test_clocks_SOURCES = tests/integration/test_clocks.c $(JOBS_STAGE)
tests_integration_test_clocks_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
POOL_SCENE = tests/integration/pool_scene.c tests/integration/pool_scene.h $(DB_FIXTURE)
INTEGRATION_TESTS += tests/integration/test_pool tests/integration/test_pool_room
tests_integration_test_pool_SOURCES = tests/integration/test_pool.c $(POOL_SCENE)
tests_integration_test_pool_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
tests_integration_test_pool_room_SOURCES = tests/integration/test_pool_room.c $(POOL_SCENE)
tests_integration_test_pool_room_LDADD = $(JOB_LIBS) $(CHECK_LIBS)
