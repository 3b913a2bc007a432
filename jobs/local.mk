# The jobs: one frame, one small main each.
JOB_FRAME = jobs/job_main.c jobs/job_main.h jobs/job_frame.h jobs/job_place.c jobs/job_sign.c jobs/job_options.c jobs/job_options.h jobs/job_context.c jobs/job_context.h
JOB_LIBS = lib/libservice.a lib/librepo.a lib/libruntime.a lib/libstorage.a lib/libexecclient.a lib/libio.a lib/libwire.a \
	lib/libmodel.a lib/libutil.a $(MARIADB_LIBS) $(CURL_LIBS) $(JSON_LIBS) $(CONFIG_LIBS) $(STORAGE_LIBS) $(MAGIC_LIBS)
sbin_PROGRAMS += jobs/sandbox-dispatchd jobs/sandbox-provisiond jobs/sandbox-reap jobs/sandbox-pool jobs/sandbox-purge \
	jobs/sandbox-probe jobs/sandbox-webhookd
jobs_sandbox_dispatchd_SOURCES = jobs/dispatchd.c $(JOB_FRAME)
jobs_sandbox_dispatchd_LDADD = $(JOB_LIBS)
jobs_sandbox_provisiond_SOURCES = jobs/provisiond.c jobs/provision_set.c jobs/provision_set.h \
	jobs/provision_nodes.c jobs/provision_nodes.h jobs/relay.c jobs/relay.h jobs/provision_workers.c jobs/provision_workers.h \
	jobs/provision_meter.c jobs/provision_meter.h $(JOB_FRAME)
jobs_sandbox_provisiond_LDADD = $(JOB_LIBS)
jobs_sandbox_reap_SOURCES = jobs/reap.c $(JOB_FRAME)
jobs_sandbox_reap_LDADD = $(JOB_LIBS)
jobs_sandbox_pool_SOURCES = jobs/pool.c $(JOB_FRAME)
jobs_sandbox_pool_LDADD = $(JOB_LIBS)
jobs_sandbox_purge_SOURCES = jobs/purge.c $(JOB_FRAME)
jobs_sandbox_purge_LDADD = $(JOB_LIBS)
jobs_sandbox_probe_SOURCES = jobs/probe.c $(JOB_FRAME)
jobs_sandbox_probe_LDADD = $(JOB_LIBS)
jobs_sandbox_webhookd_SOURCES = jobs/webhookd.c $(JOB_FRAME)
jobs_sandbox_webhookd_LDADD = $(JOB_LIBS)
# The operator's tool.
bin_PROGRAMS += jobs/sandboxctl
jobs_sandboxctl_SOURCES = jobs/sandboxctl.c jobs/ctl.h jobs/ctl_token.c jobs/ctl_template.c jobs/ctl_node.c jobs/ctl_pool.c jobs/ctl_config.c jobs/ctl_audit.c \
	jobs/ctl_status.c jobs/ctl_doctor.c jobs/ctl_doctor.h jobs/ctl_doctor_database.c jobs/ctl_doctor_host.c jobs/ctl_doctor_parts.c \
	jobs/ctl_webhook.c
jobs_sandboxctl_LDADD = $(JOB_LIBS)
