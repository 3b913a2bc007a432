noinst_LIBRARIES += lib/librepo.a
lib_librepo_a_SOURCES = lib/repo/placeholder.c
