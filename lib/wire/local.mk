noinst_LIBRARIES += lib/libwire.a
lib_libwire_a_SOURCES = lib/wire/environment.h lib/wire/execute.h lib/wire/execute.c lib/wire/event.c lib/wire/health.c \
	lib/wire/changes.c lib/wire/changes.h lib/wire/compose.c lib/wire/compose.h
lib_libwire_a_SOURCES += lib/wire/webhook.c lib/wire/webhook.h
