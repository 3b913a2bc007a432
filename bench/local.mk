EXTRA_DIST += bench/run.sh bench/latency.py bench/get_session.py bench/transfer.py bench/measure.py bench/pool.py bench/cold.py
EXTRA_DIST += bench/soak.py bench/soak tests/check-soak.sh
# tests/with-mariadb.sh bench/db_times
EXTRA_PROGRAMS += bench/db_times bench/empty_fcgi
bench_empty_fcgi_SOURCES = bench/empty_fcgi.c
bench_empty_fcgi_LDADD = $(FCGI_LIBS)
bench_db_times_SOURCES = bench/db_times.c
bench_db_times_LDADD = lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libio.a lib/libmodel.a lib/libutil.a \
	$(MARIADB_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS)
