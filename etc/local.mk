# Production samples: settings, web server, services, timers. quickstart.sh has its own way (etc/quickstart).
sandboxconfdir = $(sysconfdir)/sandbox
systemdsystemunitdir = $(prefix)/lib/systemd/system
sampledir = $(pkgdatadir)/samples

UNITS = etc/systemd/sandbox-api.service etc/systemd/sandbox-dispatchd.service etc/systemd/sandbox-provisiond.service \
	etc/systemd/sandbox-reap.service etc/systemd/sandbox-pool.service
SAMPLES = etc/lighttpd.conf etc/apache.conf etc/cron.d/sandbox
dist_sample_DATA = etc/sandbox.conf
nodist_sample_DATA = $(SAMPLES)
nodist_systemdsystemunit_DATA = $(UNITS)
CLEANFILES += $(SAMPLES) $(UNITS)
EXTRA_DIST += $(SAMPLES:=.in) $(UNITS:=.in) etc/lighttpd-errors.sh

$(SAMPLES) $(UNITS): %: $(top_srcdir)/%.in $(top_srcdir)/etc/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) \
	    -e 's|@BIND@|127.0.0.1|; s|@PORT@|8000|; s|@USER@|www-data|; s|@GROUP@|www-data|; s|@PROCESSES@|2|' \
	    -e 's|@ERRORS@|$(pkgdatadir)/errors|; s|@SOCKET@|/run/lighttpd/sandbox-api.sock|' \
	    -e 's|@LOGS@|server.errorlog-use-syslog = "enable"|; s|@API@|$(sbindir)/sandbox-api|' \
	    -e 's|@CONFIG@|$(sandboxconfdir)/sandbox.conf|; s|@SBINDIR@|$(sbindir)|' \
	    $< > $@.tmp && mv $@.tmp $@

install-data-local:
	sh $(top_srcdir)/etc/lighttpd-errors.sh "$(DESTDIR)$(pkgdatadir)/errors"
	$(MKDIR_P) "$(DESTDIR)$(sandboxconfdir)"
uninstall-local:
	rm -rf "$(DESTDIR)$(pkgdatadir)/errors"
