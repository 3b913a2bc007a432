noinst_LIBRARIES += lib/libruntime.a
lib_libruntime_a_SOURCES = lib/runtime/placeholder.c
lib_libruntime_a_SOURCES += lib/runtime/runtime_settings.c
