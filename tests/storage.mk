# Storage. Run the integration test through tests/with-swift.sh: without S3 it tests the other driver only.
STORAGE_TEST_LIBS = lib/libstorage.a lib/libio.a lib/libmodel.a lib/libutil.a $(STORAGE_LIBS) $(CHECK_LIBS)
UNIT_TESTS += tests/unit/test_s3_sign tests/unit/test_s3_xml tests/unit/test_storage_settings
tests_unit_test_s3_xml_SOURCES = tests/unit/test_s3_xml.c
tests_unit_test_s3_xml_LDADD = $(STORAGE_TEST_LIBS)
tests_unit_test_storage_settings_SOURCES = tests/unit/test_storage_settings.c
tests_unit_test_storage_settings_LDADD = $(STORAGE_TEST_LIBS)
tests_unit_test_s3_sign_SOURCES = tests/unit/test_s3_sign.c
tests_unit_test_s3_sign_LDADD = $(STORAGE_TEST_LIBS)
STORAGE_STAGE = tests/integration/storage_stage.c tests/integration/storage_stage.h
INTEGRATION_TESTS += tests/integration/test_storage tests/integration/test_storage_s3
tests_integration_test_storage_SOURCES = tests/integration/test_storage.c $(STORAGE_STAGE)
tests_integration_test_storage_s3_SOURCES = tests/integration/test_storage_s3.c $(STORAGE_STAGE)
tests_integration_test_storage_s3_LDADD = $(STORAGE_TEST_LIBS)
tests_integration_test_storage_LDADD = $(STORAGE_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_storage_faults
tests_integration_test_storage_faults_SOURCES = tests/integration/test_storage_faults.c tests/fakes/fault_proxy.c \
	tests/fakes/fault_proxy.h $(STORAGE_STAGE)
tests_integration_test_storage_faults_LDADD = $(STORAGE_TEST_LIBS)
INTEGRATION_TESTS += tests/integration/test_web
tests_integration_test_web_SOURCES = tests/integration/test_web.c tests/fakes/fault_proxy.c tests/fakes/fault_proxy.h
tests_integration_test_web_LDADD = lib/libio.a lib/libutil.a $(CURL_LIBS) $(CHECK_LIBS)
dist_check_SCRIPTS += tests/with-swift.sh
