noinst_LIBRARIES += lib/libstorage.a
lib_libstorage_a_SOURCES = lib/storage/storage_settings.c lib/storage/storage.c lib/storage/storage.h lib/storage/driver.h lib/storage/file.c
lib_libstorage_a_SOURCES += lib/storage/s3.c lib/storage/s3.h lib/storage/s3_call.c lib/storage/s3_read.c lib/storage/s3_write.c \
	lib/storage/s3_purge.c lib/storage/s3_sign.c lib/storage/s3_sign.h lib/storage/s3_xml.c lib/storage/s3_xml.h
# What the s3 driver wants beside libio.
STORAGE_LIBS = $(CURL_LIBS) $(EXPAT_LIBS) $(CRYPTO_LIBS)
