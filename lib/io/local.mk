noinst_LIBRARIES += lib/libio.a
lib_libio_a_SOURCES = lib/io/placeholder.c
