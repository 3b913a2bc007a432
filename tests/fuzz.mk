# The fuzz targets: a short run of each is a unit test, a long one (tests/fuzz/run.sh) is libFuzzer's.
FUZZ_TESTS = tests/unit/test_fuzz_request \
	tests/unit/test_fuzz_files \
	tests/unit/test_fuzz_multipart \
	tests/unit/test_fuzz_bodies \
	tests/unit/test_fuzz_tokens \
	tests/unit/test_fuzz_ids \
	tests/unit/test_fuzz_resources \
	tests/unit/test_fuzz_times \
	tests/unit/test_fuzz_addresses \
	tests/unit/test_fuzz_json \
	tests/unit/test_fuzz_logs \
	tests/unit/test_fuzz_relay \
	tests/unit/test_fuzz_pulls \
	tests/unit/test_fuzz_wire \
	tests/unit/test_fuzz_s3_xml
UNIT_TESTS += $(FUZZ_TESTS)
tests_unit_test_fuzz_request_SOURCES = tests/fuzz/fuzz_request.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_request_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_multipart_SOURCES = tests/fuzz/fuzz_multipart.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_multipart_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_files_SOURCES = tests/fuzz/fuzz_files.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_files_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_bodies_SOURCES = tests/fuzz/fuzz_bodies.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_bodies_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_tokens_SOURCES = tests/fuzz/fuzz_tokens.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_tokens_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_ids_SOURCES = tests/fuzz/fuzz_ids.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_ids_LDADD = $(API_TEST_LIBS)
tests_unit_test_fuzz_resources_SOURCES = tests/fuzz/fuzz_resources.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_resources_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_fuzz_times_SOURCES = tests/fuzz/fuzz_times.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_times_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_fuzz_addresses_SOURCES = tests/fuzz/fuzz_addresses.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_addresses_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_json_LDADD = $(UTIL_TEST_LIBS)
tests_unit_test_fuzz_pulls_SOURCES = tests/fuzz/fuzz_pulls.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_pulls_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_fuzz_logs_SOURCES = tests/fuzz/fuzz_logs.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_logs_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_fuzz_relay_SOURCES = tests/fuzz/fuzz_relay.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_relay_LDADD = $(RUNTIME_TEST_LIBS)
tests_unit_test_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_wire_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_fuzz_s3_xml_SOURCES = tests/fuzz/fuzz_s3_xml.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_unit_test_fuzz_s3_xml_LDADD = $(STORAGE_TEST_LIBS)

if FUZZERS
FUZZERS = tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_files \
	tests/fuzz/fuzz_multipart \
	tests/fuzz/fuzz_bodies \
	tests/fuzz/fuzz_tokens \
	tests/fuzz/fuzz_ids \
	tests/fuzz/fuzz_resources \
	tests/fuzz/fuzz_times \
	tests/fuzz/fuzz_addresses \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_logs \
	tests/fuzz/fuzz_relay \
	tests/fuzz/fuzz_pulls \
	tests/fuzz/fuzz_wire \
	tests/fuzz/fuzz_s3_xml
EXTRA_PROGRAMS += $(FUZZERS)
tests_fuzz_fuzz_files_SOURCES = tests/fuzz/fuzz_files.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_files_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_files_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_request_SOURCES = tests/fuzz/fuzz_request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_request_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_request_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_multipart_SOURCES = tests/fuzz/fuzz_multipart.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_multipart_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_multipart_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_bodies_SOURCES = tests/fuzz/fuzz_bodies.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_bodies_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_bodies_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_tokens_SOURCES = tests/fuzz/fuzz_tokens.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_tokens_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_tokens_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_ids_SOURCES = tests/fuzz/fuzz_ids.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ids_LDADD = $(API_TEST_LIBS)
tests_fuzz_fuzz_ids_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_resources_SOURCES = tests/fuzz/fuzz_resources.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_resources_LDADD = $(UTIL_TEST_LIBS)
tests_fuzz_fuzz_resources_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_times_SOURCES = tests/fuzz/fuzz_times.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_times_LDADD = $(UTIL_TEST_LIBS)
tests_fuzz_fuzz_times_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_addresses_SOURCES = tests/fuzz/fuzz_addresses.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_addresses_LDADD = $(UTIL_TEST_LIBS)
tests_fuzz_fuzz_addresses_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_json_LDADD = $(UTIL_TEST_LIBS)
tests_fuzz_fuzz_json_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_relay_SOURCES = tests/fuzz/fuzz_relay.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_relay_LDADD = $(RUNTIME_TEST_LIBS)
tests_fuzz_fuzz_relay_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_pulls_SOURCES = tests/fuzz/fuzz_pulls.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_pulls_LDADD = $(RUNTIME_TEST_LIBS)
tests_fuzz_fuzz_pulls_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_logs_SOURCES = tests/fuzz/fuzz_logs.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_logs_LDADD = $(RUNTIME_TEST_LIBS)
tests_fuzz_fuzz_logs_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_wire_LDADD = $(WIRE_TEST_LIBS)
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_s3_xml_SOURCES = tests/fuzz/fuzz_s3_xml.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_s3_xml_LDADD = $(STORAGE_TEST_LIBS)
tests_fuzz_fuzz_s3_xml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

.PHONY: list-fuzzers
list-fuzzers:
	@echo $(FUZZERS)
EXTRA_DIST += tests/fuzz/corpus
dist_check_SCRIPTS += tests/fuzz/run.sh
