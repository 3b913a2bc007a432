# Production samples: settings, web server, services, timers. quickstart.sh has its own way (etc/quickstart).
sandboxconfdir = $(sysconfdir)/sandbox
systemdsystemunitdir = $(prefix)/lib/systemd/system
sampledir = $(pkgdatadir)/samples

UNITS = etc/systemd/sandbox-api.service etc/systemd/sandbox-dispatchd.service etc/systemd/sandbox-provisiond.service \
	etc/systemd/sandbox-reap.service etc/systemd/sandbox-pool.service etc/systemd/sandbox-purge.service \
	etc/systemd/sandbox-probe.service etc/systemd/sandbox-webhookd.service
SAMPLES = etc/lighttpd.conf etc/lighttpd-tls.conf etc/apache.conf etc/apache-tls.conf etc/apache-server.conf etc/cron.d/sandbox
LOGROTATE = etc/logrotate.d/sandbox
logrotatesampledir = $(sampledir)/logrotate.d
# where workers count that a web server starts
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = etc/tmpfiles.d/sandbox.conf
dist_sample_DATA = etc/sandbox.conf
nodist_sample_DATA = $(SAMPLES)
nodist_logrotatesample_DATA = $(LOGROTATE)
nodist_systemdsystemunit_DATA = $(UNITS)
CLEANFILES += $(SAMPLES) $(LOGROTATE) $(UNITS)
EXTRA_DIST += $(SAMPLES:=.in) $(LOGROTATE:=.in) $(UNITS:=.in) etc/web-errors.sh

$(SAMPLES) $(LOGROTATE) $(UNITS): %: $(top_srcdir)/%.in $(top_srcdir)/etc/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) \
	    -e 's|@BIND@|127.0.0.1|; s|@PORT@|8000|; s|@USER@|www-data|; s|@GROUP@|www-data|; s|@PROCESSES@|2|' \
	    -e 's|@ERRORS@|$(pkgdatadir)/errors|; s|@WEB@|$(pkgdatadir)/web|; s|@UPLOADS@|/var/cache/lighttpd/uploads|; s|@STORAGE@|/var/lib/sandbox/workspaces|' \
	    -e 's|@SOCKET@|/run/lighttpd/sandbox-api.sock|; s|@API_SOCKET@|/run/sandbox-api/api.sock|' \
	    -e 's|@TLS@|#|; s|@CONFDIR@|$(sampledir)|; s|@CERT@|/etc/ssl/certs/sandbox.pem|; s|@KEY@|/etc/ssl/private/sandbox.pem|' \
	    -e 's|@RUNDIR@|/run/apache2|; s|@LOG@|syslog:daemon|' \
	    -e 's|@LOGS@|server.errorlog-use-syslog = "enable"|; s|@API@|$(sbindir)/sandbox-api|' \
	    -e 's|@CONFIG@|$(sandboxconfdir)/sandbox.conf|; s|@SBINDIR@|$(sbindir)|' \
	    $< > $@.tmp && mv $@.tmp $@

install-data-local:
	sh $(top_srcdir)/etc/web-errors.sh "$(DESTDIR)$(pkgdatadir)/errors"
	$(MKDIR_P) "$(DESTDIR)$(sandboxconfdir)"
	sh $(top_srcdir)/etc/web-pages.sh "$(DESTDIR)$(pkgdatadir)/web" web.npm
uninstall-local:
	rm -rf "$(DESTDIR)$(pkgdatadir)/errors" "$(DESTDIR)$(pkgdatadir)/web"

# /docs and /redoc beforehand, where the installation itself will have no network
.PHONY: web-pages
web-pages:
	sh $(top_srcdir)/etc/web-pages.sh web web.npm
clean-local-web:
	rm -rf web web.npm
clean-local: clean-local-web
EXTRA_DIST += etc/web-pages.sh docs/openapi.json docs/web/package.json docs/web/package-lock.json docs/web/docs.htm \
	docs/web/docs.js docs/web/redoc.htm docs/web/redoc.js docs/web/pages.css docs/web/missing.htm
