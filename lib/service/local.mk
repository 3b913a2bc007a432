noinst_LIBRARIES += lib/libservice.a
lib_libservice_a_SOURCES = lib/service/settings.c lib/service/settings.h lib/service/context.c lib/service/context.h
lib_libservice_a_SOURCES += lib/service/sessions.c lib/service/sessions.h
lib_libservice_a_SOURCES += lib/service/report.h lib/service/dispatch.c lib/service/dispatch.h \
	lib/service/dispatch_internal.h lib/service/dispatch_flight.c lib/service/dispatch_store.c \
	lib/service/dispatch_outcome.c lib/service/dispatch_outcome.h lib/service/dispatch_transfer.c lib/service/dispatch_reason.c lib/service/dispatch_bell.c lib/service/dispatch_bell.h
lib_libservice_a_SOURCES += lib/service/dispatch_trace.c lib/service/dispatch_assigned.c lib/service/dispatch_waiters.c
lib_libservice_a_SOURCES += lib/service/node_agent.c lib/service/node_agent.h lib/service/provision.c \
	lib/service/provision.h lib/service/provision_internal.h lib/service/provision_create.c \
	lib/service/provision_reconcile.c lib/service/reap.c lib/service/reap.h lib/service/pool.c lib/service/pool.h \
	lib/service/pool_demand.c lib/service/pool_demand.h
lib_libservice_a_SOURCES += lib/service/executions.c lib/service/executions.h lib/service/waiting.c lib/service/waiting.h \
	lib/service/containers.c lib/service/containers.h lib/service/nodes.c lib/service/nodes.h \
	lib/service/templates.c lib/service/templates.h lib/service/health.c lib/service/health.h
lib_libservice_a_SOURCES += lib/service/ahead.c lib/service/ahead.h
lib_libservice_a_SOURCES += lib/service/tokens.c lib/service/tokens.h \
	lib/service/migrations.c lib/service/migrations.h
lib_libservice_a_SOURCES += lib/service/audit.c lib/service/audit.h
lib_libservice_a_SOURCES += lib/service/limits.c lib/service/limits.h lib/service/retention.c \
	lib/service/retention.h
lib_libservice_a_SOURCES += lib/service/uploads.c lib/service/uploads.h
lib_libservice_a_SOURCES += lib/service/purge.c lib/service/purge.h
lib_libservice_a_SOURCES += lib/service/cancelling.c lib/service/cancelling.h
lib_libservice_a_SOURCES += lib/service/idempotency.c lib/service/idempotency.h
lib_libservice_a_SOURCES += lib/service/container_logs.c lib/service/container_logs.h lib/service/provision_answer.c
lib_libservice_a_SOURCES += lib/service/metrics.c lib/service/metrics.h lib/service/metrics_gauges.c
lib_libservice_a_SOURCES += lib/service/provision_measure.c
lib_libservice_a_SOURCES += lib/service/opening.c lib/service/opening.h lib/service/callbacks.c lib/service/callbacks.h
lib_libservice_a_SOURCES += lib/service/workspace_move.c lib/service/workspace_move.h lib/service/workspace_push.c \
	lib/service/workspace_push.h lib/service/workspace_pull.c lib/service/workspace_pull.h lib/service/pull_list.c \
	lib/service/pull_list.h lib/service/pull_files.c lib/service/transfers.c lib/service/transfers.h \
	lib/service/transfer_run.c lib/service/transfer_run.h
lib_libservice_a_SOURCES += lib/service/files.c lib/service/files.h
lib_libservice_a_SOURCES += lib/service/placing.c lib/service/placing.h lib/service/replacing.c lib/service/replacing.h
lib_libservice_a_SOURCES += lib/service/node_removal.c lib/service/served_settings.c lib/service/served_settings.h
lib_libservice_a_SOURCES += lib/service/probe.c lib/service/probe.h lib/service/probe_ask.c lib/service/probe_internal.h
lib_libservice_a_SOURCES += lib/service/served_nodes.c lib/service/served_nodes.h
lib_libservice_a_SOURCES += lib/service/purge_rows.c lib/service/purge_rows.h
lib_libservice_a_SOURCES += lib/service/webhooks.c lib/service/webhooks.h lib/service/webhook_settings.c lib/service/webhook_settings.h
lib_libservice_a_SOURCES += lib/service/delivery.c lib/service/delivery.h lib/service/delivery_internal.h lib/service/delivery_try.c \
	lib/service/delivery_rules.c lib/service/delivery_rules.h
lib_libservice_a_SOURCES += lib/service/image_pulls.c lib/service/image_pulls.h lib/service/provision_pull.c
