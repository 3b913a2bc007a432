noinst_LIBRARIES += lib/libio.a
lib_libio_a_SOURCES = lib/io/doorbell.c lib/io/doorbell.h \
	lib/io/http.c lib/io/http_setup.c lib/io/http_fetch.c lib/io/http.h lib/io/http_internal.h lib/io/http_tls.c lib/io/http_tls.h lib/io/raw.c lib/io/raw.h lib/io/spawn.c lib/io/spawn.h
lib_libio_a_SOURCES += lib/io/digest.c lib/io/digest.h lib/io/content_type.c lib/io/content_type.h
lib_libio_a_SOURCES += lib/io/web.c lib/io/web.h lib/io/url.c lib/io/url.h
lib_libio_a_CPPFLAGS = $(AM_CPPFLAGS) $(MARIADB_CFLAGS) $(CURL_CFLAGS)
lib_libio_a_SOURCES += lib/io/db.c lib/io/db_connect.c lib/io/db_stmt.c lib/io/db_pool.c lib/io/db.h lib/io/db_internal.h
