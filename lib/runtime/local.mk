noinst_LIBRARIES += lib/libruntime.a
lib_libruntime_a_SOURCES = lib/runtime/runtime_settings.c lib/runtime/runtime.c lib/runtime/runtime.h lib/runtime/driver.h \
	lib/runtime/room.c lib/runtime/room.h lib/runtime/tree.c lib/runtime/tree.h \
	lib/runtime/uid_range.c lib/runtime/uid_range.h lib/runtime/quota.c lib/runtime/quota.h lib/runtime/cgroup.c lib/runtime/cgroup.h \
	lib/runtime/executor_env.c lib/runtime/executor_env.h \
	lib/runtime/docker_target.c lib/runtime/docker_target.h lib/runtime/docker.c lib/runtime/docker.h lib/runtime/docker_look.c lib/runtime/docker_images.c lib/runtime/docker_pull.c lib/runtime/pull_progress.c lib/runtime/pull_progress.h lib/runtime/registry_auth.c lib/runtime/registry_auth.h lib/runtime/docker_tools.c lib/runtime/tar.c lib/runtime/tar.h \
	lib/runtime/relay.c lib/runtime/relay.h lib/runtime/relay_client.c lib/runtime/relay_link.c lib/runtime/relay_link.h lib/runtime/relay_parse.c lib/runtime/relay_parse.h lib/runtime/docker_frames.c \
	lib/runtime/docker_frames.h lib/runtime/log_lines.c lib/runtime/log_lines.h \
	lib/runtime/docker_body.c lib/runtime/docker_answer.c lib/runtime/docker_body.h \
	lib/runtime/process.c lib/runtime/process.h lib/runtime/process_args.c lib/runtime/process_child.c \
	lib/runtime/process_kill.c lib/runtime/process_probe.c lib/runtime/process_look.c
