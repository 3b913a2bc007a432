noinst_LIBRARIES += lib/libstorage.a
lib_libstorage_a_SOURCES = lib/storage/storage_settings.c lib/storage/storage.c lib/storage/storage.h lib/storage/driver.h lib/storage/file.c
