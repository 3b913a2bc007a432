# sandbox-api: what serves requests, without libfcgi.
API_TEST_LIBS = fcgi/libfcgiapi.a lib/libservice.a lib/librepo.a lib/libruntime.a lib/libio.a lib/libwire.a \
	lib/libmodel.a lib/libutil.a $(MARIADB_LIBS) $(JSON_LIBS) $(CONFIG_LIBS) $(CRYPTO_LIBS) $(CHECK_LIBS)
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
tests_unit_test_response_SOURCES = tests/unit/test_response.c
tests_unit_test_response_LDADD = $(API_TEST_LIBS)
