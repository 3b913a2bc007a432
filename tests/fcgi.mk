# sandbox-api: what serves requests, without libfcgi.
API_TEST_LIBS = fcgi/libfcgiapi.a lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libio.a lib/libwire.a \
	lib/libmodel.a lib/libutil.a $(MARIADB_LIBS) $(JSON_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS) $(CHECK_LIBS)
UNIT_TESTS += tests/unit/test_json_span tests/unit/test_request tests/unit/test_router tests/unit/test_codec \
	tests/unit/test_response
tests_unit_test_json_span_SOURCES = tests/unit/test_json_span.c
tests_unit_test_json_span_LDADD = lib/libutil.a $(CHECK_LIBS)
tests_unit_test_request_SOURCES = tests/unit/test_request.c
tests_unit_test_request_LDADD = $(API_TEST_LIBS)
tests_unit_test_router_SOURCES = tests/unit/test_router.c
tests_unit_test_router_LDADD = $(API_TEST_LIBS)
tests_unit_test_codec_SOURCES = tests/unit/test_codec.c
tests_unit_test_codec_LDADD = $(API_TEST_LIBS)
UNIT_TESTS += tests/unit/test_artifacts
tests_unit_test_artifacts_SOURCES = tests/unit/test_artifacts.c
tests_unit_test_artifacts_LDADD = $(API_TEST_LIBS)
tests_unit_test_response_SOURCES = tests/unit/test_response.c
tests_unit_test_response_LDADD = $(API_TEST_LIBS)

dist_check_SCRIPTS += tests/check-web-tier.sh tests/check-samples.sh

# The handlers against a real database: run through tests/with-mariadb.sh.
API_CLIENT = tests/integration/api_client.c tests/integration/api_client.h $(DB_FIXTURE)
INTEGRATION_TESTS += tests/integration/test_api tests/integration/test_api_waiting
tests_integration_test_api_SOURCES = tests/integration/test_api.c $(API_CLIENT)
tests_integration_test_api_LDADD = $(API_TEST_LIBS)
tests_integration_test_api_waiting_SOURCES = tests/integration/test_api_waiting.c $(API_CLIENT)
tests_integration_test_api_waiting_LDADD = $(API_TEST_LIBS)
UNIT_TESTS += tests/unit/test_container_codec
tests_unit_test_container_codec_SOURCES = tests/unit/test_container_codec.c
tests_unit_test_container_codec_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_api_containers
tests_integration_test_api_containers_SOURCES = tests/integration/test_api_containers.c $(API_CLIENT)
tests_integration_test_api_containers_LDADD = $(API_TEST_LIBS)
UNIT_TESTS += tests/unit/test_template_codec
tests_unit_test_template_codec_SOURCES = tests/unit/test_template_codec.c
tests_unit_test_template_codec_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_templates
tests_integration_test_templates_SOURCES = tests/integration/test_templates.c $(API_CLIENT)
tests_integration_test_templates_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_limits
tests_integration_test_limits_SOURCES = tests/integration/test_limits.c $(API_CLIENT)
tests_integration_test_limits_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_tokens
tests_integration_test_tokens_SOURCES = tests/integration/test_tokens.c $(API_CLIENT)
tests_integration_test_tokens_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_api_cancel
tests_integration_test_api_cancel_SOURCES = tests/integration/test_api_cancel.c $(API_CLIENT)
tests_integration_test_api_cancel_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_idempotency
tests_integration_test_idempotency_SOURCES = tests/integration/test_idempotency.c $(API_CLIENT)
tests_integration_test_idempotency_LDADD = $(API_TEST_LIBS)
UNIT_TESTS += tests/unit/test_prefork
tests_unit_test_prefork_SOURCES = tests/unit/test_prefork.c
tests_unit_test_prefork_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_api_logs
tests_integration_test_api_logs_SOURCES = tests/integration/test_api_logs.c $(API_CLIENT)
tests_integration_test_api_logs_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_isolation
tests_integration_test_isolation_SOURCES = tests/integration/test_isolation.c $(API_CLIENT)
tests_integration_test_isolation_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_audit
tests_integration_test_audit_SOURCES = tests/integration/test_audit.c $(API_CLIENT)
tests_integration_test_audit_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_api_metrics
tests_integration_test_api_metrics_SOURCES = tests/integration/test_api_metrics.c $(API_CLIENT)
tests_integration_test_api_metrics_LDADD = $(API_TEST_LIBS) -lm
INTEGRATION_TESTS += tests/integration/test_api_internal
INTERNAL_STAGE = tests/integration/internal_stage.c tests/integration/internal_stage.h $(API_CLIENT)
tests_integration_test_api_internal_SOURCES = tests/integration/test_api_internal.c $(INTERNAL_STAGE)
tests_integration_test_api_internal_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_api_reports
tests_integration_test_api_reports_SOURCES = tests/integration/test_api_reports.c $(INTERNAL_STAGE)
tests_integration_test_api_reports_LDADD = $(API_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_idempotency_broken
tests_integration_test_idempotency_broken_SOURCES = tests/integration/test_idempotency_broken.c \
	tests/fakes/breaking_proxy.c tests/fakes/breaking_proxy.h $(API_CLIENT)
tests_integration_test_idempotency_broken_LDADD = $(API_TEST_LIBS)
