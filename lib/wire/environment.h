/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's environment: how a runtime tells sandbox-executor where it is and what it may do. All are optional but
 * SANDBOX_LISTEN and one of SANDBOX_SECRET_FILE and SANDBOX_SECRET. The executor removes them from its own environment; user code sees none. */
#ifndef SANDBOX_WIRE_ENVIRONMENT_H
#define SANDBOX_WIRE_ENVIRONMENT_H

/* "unix:/run/sandbox/executor.sock" or "tcp:0.0.0.0:8080". A stale socket file is replaced. */
#define EXECUTOR_ENV_LISTEN "SANDBOX_LISTEN"
/* File that holds the bearer secret (at least 16 characters; a newline at its end is ignored). Read once, at start. */
#define EXECUTOR_ENV_SECRET_FILE "SANDBOX_SECRET_FILE"
/* The secret itself, where the runtime has no file to put it into. Goes before the file, and is overwritten once it was read. */
#define EXECUTOR_ENV_SECRET "SANDBOX_SECRET"
/* User code's directory, "/workspace": made mode 02777, group SANDBOX_GID, where the executor may. */
#define EXECUTOR_ENV_WORKSPACE "SANDBOX_WORKSPACE"
/* TMPDIR of user code, "/tmp". */
#define EXECUTOR_ENV_TMP "SANDBOX_TMP"
/* uid of the first of EXECUTOR_SLOTS slots ("1000": uids 1000..1015), and the gid of all of them ("1000"). */
#define EXECUTOR_ENV_UID "SANDBOX_UID"
#define EXECUTOR_ENV_GID "SANDBOX_GID"
/* Interpreters kept ready: "python", "python,javascript"; "" for none. Any language may still be run. */
#define EXECUTOR_ENV_LANGUAGES "SANDBOX_LANGUAGES"
/* How long, in ms, a Node.js is kept ready after JavaScript was run where it is not among the languages; "60000" (default), "0": not at all. */
#define EXECUTOR_ENV_LINGER_MS "SANDBOX_LINGER_MS"
/* Python modules, "numpy,pandas", that are imported before an interpreter is forked, where "python" is kept ready; "" for none. One
 * that cannot be had, or must not be forked, is left out, and the log says so. */
#define EXECUTOR_ENV_PRELOAD "SANDBOX_PRELOAD"
/* "0" (default): seccomp lets user code make unix sockets only. "1": IPv4 and IPv6 too. */
#define EXECUTOR_ENV_NETWORK "SANDBOX_NETWORK"
/* "none" (default): the container around us confines. "landlock": file access is restricted to the system (read only),
 * the workspace and the temporary directory; memory and processes by resource limits. Refuses to start where the kernel
 * has no Landlock. */
#define EXECUTOR_ENV_CONFINE "SANDBOX_CONFINE"
/* Processes of one slot (RLIMIT_NPROC); "0" (default): left to the pids cgroup. The request's max_processes lowers it. */
#define EXECUTOR_ENV_NPROC "SANDBOX_NPROC"
/* Memory of an execution in MiB: limited by the executor itself (RLIMIT_DATA, and a look at what is resident), unless it
 * sees a memory cgroup that limits, at /sys/fs/cgroup/memory (v1) or /sys/fs/cgroup (v2). "0" (default): never. A
 * request's memory_mb goes before the number here; where this is 0 it only tells what the limit is. */
#define EXECUTOR_ENV_MEMORY_MB "SANDBOX_MEMORY_MB"
/* Largest workspace in MiB; "0" (default): no limit. A request's disk_mb goes before it. */
#define EXECUTOR_ENV_DISK_MB "SANDBOX_DISK_MB"
/* Most files of a workspace; "100000" (default, and the most there can be). */
#define EXECUTOR_ENV_FILES_MAX "SANDBOX_FILES_MAX"
/* "debug", "info" (default), "warn", "error". */
#define EXECUTOR_ENV_LOG_LEVEL "SANDBOX_LOG_LEVEL"

enum { EXECUTOR_SLOTS = 16 }; /* executions at once; one more is refused with 503 */

#endif
