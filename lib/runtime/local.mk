noinst_LIBRARIES += lib/libruntime.a
lib_libruntime_a_SOURCES = lib/runtime/placeholder.c
