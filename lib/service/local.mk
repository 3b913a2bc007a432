noinst_LIBRARIES += lib/libservice.a
lib_libservice_a_SOURCES = lib/service/settings.c lib/service/settings.h lib/service/context.h
lib_libservice_a_SOURCES += lib/service/sessions.c lib/service/sessions.h
