noinst_LIBRARIES += lib/libutil.a
lib_libutil_a_SOURCES = lib/util/cleanup.h lib/util/failpoint.c lib/util/failpoint.h lib/util/err.c lib/util/err.h lib/util/strbuf.c lib/util/strbuf.h \
	lib/util/clock.c lib/util/clock.h lib/util/gather.c lib/util/gather.h lib/util/turn.c lib/util/turn.h lib/util/duration.c lib/util/duration.h lib/util/id.c lib/util/id.h lib/util/log.c lib/util/log.h \
	lib/util/log_file.c lib/util/log_file.h \
	lib/util/json.c lib/util/json.h lib/util/json_span.c lib/util/json_span.h \
	lib/util/json_strict.c lib/util/json_strict.h lib/util/json_names.c lib/util/json_names.h \
	lib/util/utf8.c lib/util/utf8.h lib/util/config.c lib/util/config.h
lib_libutil_a_SOURCES += lib/util/metrics.c lib/util/metrics.h lib/util/metrics_text.c \
	lib/util/metrics_layout.c lib/util/metrics_layout.h
lib_libutil_a_CPPFLAGS = $(AM_CPPFLAGS) $(CONFIG_CFLAGS)
lib_libutil_a_SOURCES += lib/util/base64.c lib/util/base64.h
