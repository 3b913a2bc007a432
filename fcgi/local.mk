sbin_PROGRAMS += fcgi/sandbox-api
noinst_LIBRARIES += fcgi/libfcgiapi.a
# Everything but libfcgi itself: what the tests serve requests with.
fcgi_libfcgiapi_a_SOURCES = fcgi/request.c fcgi/request.h fcgi/body.c fcgi/router.c fcgi/router.h fcgi/routes.c \
	fcgi/response.c fcgi/response.h fcgi/guard.c fcgi/guard.h fcgi/serve.c fcgi/serve.h fcgi/call.c fcgi/call.h fcgi/prefork.c fcgi/prefork.h \
	fcgi/sessions.c fcgi/executions.c fcgi/templates.c fcgi/health.c \
	fcgi/codec/fields.c fcgi/codec/fields.h fcgi/codec/map.c \
	fcgi/codec/session_codec.c fcgi/codec/session_codec.h \
	fcgi/codec/template_codec.c fcgi/codec/template_codec.h \
	fcgi/containers.c fcgi/codec/container_codec.c fcgi/codec/container_codec.h \
	fcgi/nodes.c fcgi/codec/node_codec.c fcgi/codec/node_codec.h \
	fcgi/codec/execution_codec.c fcgi/codec/execution_codec.h \
	fcgi/codec/health_codec.c fcgi/codec/health_codec.h
fcgi_libfcgiapi_a_SOURCES += fcgi/logs.c
fcgi_libfcgiapi_a_SOURCES += fcgi/tracing.c fcgi/tracing.h
fcgi_libfcgiapi_a_SOURCES += fcgi/upload.c fcgi/multipart.c fcgi/multipart_headers.c fcgi/multipart.h \
	fcgi/header_params.c fcgi/header_params.h
fcgi_libfcgiapi_a_SOURCES += fcgi/metrics.c fcgi/metrics.h
fcgi_libfcgiapi_a_SOURCES += fcgi/internal.c fcgi/codec/internal_codec.c fcgi/codec/internal_codec.h \
	fcgi/codec/kept_output.c fcgi/codec/kept_output.h
fcgi_libfcgiapi_a_SOURCES += fcgi/describe.c fcgi/describe.h
fcgi_sandbox_api_SOURCES = fcgi/main.c fcgi/worker.c fcgi/worker.h fcgi/connection.c fcgi/connection.h fcgi/listener.c fcgi/listener.h
# lib/libruntime.a only for its settings: the web tier must hold no engine driver and no HTTP client (tests/check-web-tier.sh).
fcgi_sandbox_api_LDADD = fcgi/libfcgiapi.a lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libio.a lib/libwire.a \
	lib/libmodel.a lib/libutil.a $(FCGI_LIBS) $(MARIADB_LIBS) $(JSON_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS)
fcgi_libfcgiapi_a_SOURCES += fcgi/files.c fcgi/conditional.c fcgi/conditional.h fcgi/codec/file_codec.c fcgi/codec/file_codec.h
