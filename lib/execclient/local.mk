noinst_LIBRARIES += lib/libexecclient.a
lib_libexecclient_a_SOURCES = lib/execclient/placeholder.c
