# lib/util, lib/model, doorbells and settings.
UNIT_TESTS += tests/unit/test_err tests/unit/test_strbuf tests/unit/test_json tests/unit/test_clock_id tests/unit/test_log tests/unit/test_model \
	tests/unit/test_doorbell tests/unit/test_settings
UNIT_TESTS += tests/unit/test_json_names tests/unit/test_duration
UTIL_TEST_LIBS = lib/libmodel.a lib/libutil.a $(JSON_LIBS) $(CHECK_LIBS)
tests_unit_test_err_SOURCES = tests/unit/test_err.c tests/unit/unit_test.h
tests_unit_test_err_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_strbuf_SOURCES = tests/unit/test_strbuf.c
tests_unit_test_strbuf_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_json_names_SOURCES = tests/unit/test_json_names.c
tests_unit_test_json_names_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_duration_SOURCES = tests/unit/test_duration.c
tests_unit_test_duration_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_clock_id_SOURCES = tests/unit/test_clock_id.c
tests_unit_test_clock_id_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_model_SOURCES = tests/unit/test_model.c
tests_unit_test_model_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_doorbell_SOURCES = tests/unit/test_doorbell.c
tests_unit_test_doorbell_LDADD = lib/libio.a $(UTIL_TEST_LIBS)
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIRECTORY='"$(abs_top_srcdir)"'
tests_unit_test_settings_LDADD = lib/libservice.a lib/libruntime.a lib/libstorage.a lib/libio.a $(UTIL_TEST_LIBS) $(MARIADB_LIBS) $(CONFIG_LIBS)
UNIT_TESTS += tests/unit/test_metrics
tests_unit_test_metrics_SOURCES = tests/unit/test_metrics.c
tests_unit_test_metrics_LDADD = lib/libutil.a $(CHECK_LIBS)
UNIT_TESTS += tests/unit/test_workspace
tests_unit_test_workspace_SOURCES = tests/unit/test_workspace.c
tests_unit_test_workspace_LDADD = lib/libio.a $(UTIL_TEST_LIBS) $(CRYPTO_LIBS) $(MAGIC_LIBS)
UNIT_TESTS += tests/unit/test_address_rules
tests_unit_test_address_rules_SOURCES = tests/unit/test_address_rules.c
tests_unit_test_address_rules_LDADD = $(UTIL_TEST_LIBS)
UNIT_TESTS += tests/unit/test_trace
tests_unit_test_trace_SOURCES = tests/unit/test_trace.c
tests_unit_test_trace_LDADD = $(UTIL_TEST_LIBS)
