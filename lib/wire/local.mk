noinst_LIBRARIES += lib/libwire.a
lib_libwire_a_SOURCES = lib/wire/placeholder.c
