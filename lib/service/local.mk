noinst_LIBRARIES += lib/libservice.a
lib_libservice_a_SOURCES = lib/service/placeholder.c
