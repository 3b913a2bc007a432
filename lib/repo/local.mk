noinst_LIBRARIES += lib/librepo.a
lib_librepo_a_SOURCES = lib/repo/rows.c lib/repo/rows.h lib/repo/list.c lib/repo/list.h lib/repo/statements.c \
	lib/repo/statements.h lib/repo/token_repo.c lib/repo/token_repo.h lib/repo/template_repo.c \
	lib/repo/template_repo.h lib/repo/session_repo.c lib/repo/session_repo.h lib/repo/node_repo.c \
	lib/repo/node_repo.h lib/repo/room_repo.c lib/repo/room_repo.h lib/repo/demand_repo.c lib/repo/demand_repo.h \
	lib/repo/job_repo.c lib/repo/container_repo.c lib/repo/container_repo.h \
	lib/repo/container_rows.h lib/repo/container_list.c lib/repo/pool_repo.c lib/repo/execution_repo.c lib/repo/execution_repo.h \
	lib/repo/execution_rows.h lib/repo/execution_claim.c lib/repo/execution_queue.c lib/repo/migration_repo.c lib/repo/migration_repo.h
lib_librepo_a_SOURCES += lib/repo/audit_repo.c lib/repo/audit_repo.h
lib_librepo_a_SOURCES += lib/repo/rate_repo.c lib/repo/rate_repo.h lib/repo/owner_repo.c lib/repo/owner_repo.h
lib_librepo_a_SOURCES += lib/repo/cancellation_repo.c lib/repo/cancellation_repo.h
lib_librepo_a_SOURCES += lib/repo/idempotency_repo.c lib/repo/idempotency_repo.h
lib_librepo_a_SOURCES += lib/repo/question_repo.c lib/repo/question_repo.h
lib_librepo_a_SOURCES += lib/repo/gauge_repo.c lib/repo/gauge_repo.h
lib_librepo_a_SOURCES += lib/repo/usage_repo.c lib/repo/usage_repo.h
lib_librepo_a_SOURCES += lib/repo/push_repo.c lib/repo/push_repo.h
lib_librepo_a_SOURCES += lib/repo/workspace_repo.c lib/repo/workspace_repo.h lib/repo/workspace_rows.c lib/repo/workspace_rows.h \
	lib/repo/workspace_sync.c
lib_librepo_a_SOURCES += lib/repo/purge_repo.c lib/repo/purge_repo.h
lib_librepo_a_SOURCES += lib/repo/replacement_repo.c lib/repo/replacement_repo.h
lib_librepo_a_SOURCES += lib/repo/engine_repo.c lib/repo/engine_repo.h lib/repo/image_repo.c lib/repo/image_repo.h
lib_librepo_a_SOURCES += lib/repo/probe_repo.c lib/repo/probe_repo.h
lib_librepo_a_SOURCES += lib/repo/lock_repo.c lib/repo/lock_repo.h
lib_librepo_a_SOURCES += lib/repo/idle_repo.c lib/repo/idle_repo.h
lib_librepo_a_SOURCES += lib/repo/status_repo.c lib/repo/status_repo.h
lib_librepo_a_SOURCES += lib/repo/retention_repo.c lib/repo/retention_repo.h
lib_librepo_a_SOURCES += lib/repo/webhook_outbox.c lib/repo/webhook_repo.c lib/repo/webhook_repo.h
lib_librepo_a_SOURCES += lib/repo/clock_repo.c lib/repo/clock_repo.h
lib_librepo_a_SOURCES += lib/repo/execution_assign.c lib/repo/dispatcher_repo.c lib/repo/dispatcher_repo.h
