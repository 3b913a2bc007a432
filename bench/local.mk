EXTRA_DIST += bench/bench.py bench/measure.py bench/svg.py bench/stacks.py bench/limits.py bench/hello.py bench/create.py bench/throughput.py \
	bench/get.py bench/steps.py bench/density.py bench/transfer.py bench/check.py tests/check-bench.sh
EXTRA_DIST += bench/soak.py bench/soak tests/check-soak.sh
# tests/with-mariadb.sh bench/db_times
EXTRA_PROGRAMS += bench/db_times bench/empty_fcgi bench/http_load
bench_http_load_SOURCES = bench/http_load.c
bench_empty_fcgi_SOURCES = bench/empty_fcgi.c
bench_empty_fcgi_LDADD = $(FCGI_LIBS)
bench_db_times_SOURCES = bench/db_times.c
bench_db_times_LDADD = lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libio.a lib/libmodel.a lib/libutil.a \
	$(MARIADB_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS)

# Measures everything beside the machine's own limits: BENCH="--quick --only hello". As root, or through sudo.
.PHONY: bench
bench:
	SANDBOX_BUILD=$(abs_builddir) $(abs_top_srcdir)/quickstart.sh bench $(BENCH)
