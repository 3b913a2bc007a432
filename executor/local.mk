pkglibexec_PROGRAMS += executor/sandbox-executor
executor_sandbox_executor_SOURCES = executor/main.c executor/connect.c executor/connect.h executor/engine.h executor/setup.c executor/setup.h \
	executor/syscalls.c executor/syscalls.h executor/landlock.c executor/landlock.h executor/confine.c \
	executor/confine.h executor/channel.c executor/channel.h executor/launch.c executor/launch.h \
	executor/zygote.c executor/zygote.h executor/node.c executor/node.h executor/shell.c executor/shell.h executor/interpreter.c executor/interpreter.h executor/interpreter_list.c \
	executor/interpreter_list.h executor/runners.h \
	executor/as_user.c executor/as_user.h executor/reaper.c executor/reaper.h executor/output.c executor/output.h \
	executor/stream.c executor/stream.h executor/journal.c executor/journal.h executor/touched.c executor/touched.h \
	executor/walk.c executor/walk.h executor/reach.c executor/reach.h executor/usage.c executor/usage.h \
	executor/changes.c executor/changes.h executor/transfers.c executor/transfers.h executor/memory.c \
	executor/memory.h executor/job.c executor/job.h executor/verdict.c executor/verdict.h executor/run.c \
	executor/run.h executor/run_io.c executor/run_io.h executor/runs.c executor/runs.h executor/server.c \
	executor/server.h executor/inodes.c executor/inodes.h executor/unlinked.c executor/unlinked.h executor/routes.c executor/files.c executor/files.h
nodist_executor_sandbox_executor_SOURCES = executor/runners_data.c
executor_sandbox_executor_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(EVENT_CFLAGS) $(SECCOMP_CFLAGS)
executor_sandbox_executor_LDFLAGS = $(AM_LDFLAGS)
executor_sandbox_executor_LDADD = lib/libwire.a lib/libmodel.a lib/libutil.a $(EVENT_LIBS) -levent_core \
	$(SECCOMP_LIBS) $(JSON_LIBS) # libevent_extra needs core again when both are static
if STATIC_EXECUTOR
executor_sandbox_executor_LDFLAGS += -static
endif

executor_runners = $(srcdir)/executor/runners/clone.py $(srcdir)/executor/runners/python.py \
	$(srcdir)/executor/runners/preload.py $(srcdir)/executor/runners/javascript.js
executor/runners_data.c: $(srcdir)/executor/runners/embed.sh $(executor_runners)
	$(AM_V_GEN)$(MKDIR_P) executor && sh $(srcdir)/executor/runners/embed.sh $(executor_runners) > $@.tmp && mv $@.tmp $@
CLEANFILES += executor/runners_data.c
EXTRA_DIST += executor/runners/embed.sh executor/runners/clone.py executor/runners/python.py executor/runners/preload.py executor/runners/javascript.js
