noinst_LIBRARIES += lib/libexecclient.a
lib_libexecclient_a_SOURCES = lib/execclient/execclient.h lib/execclient/run.c lib/execclient/calls.c \
	lib/execclient/request.h lib/execclient/lines.c lib/execclient/lines.h lib/execclient/output.c \
	lib/execclient/output.h lib/execclient/files.c lib/execclient/files.h \
	lib/execclient/ask.c
