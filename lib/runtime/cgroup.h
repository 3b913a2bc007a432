/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a sandbox of the process runtime by cgroup v1, v2, or none: <mount>/sandbox/<id>. An id says whose it is: two
 * installations must not use the same. */
#ifndef SANDBOX_RUNTIME_CGROUP_H
#define SANDBOX_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/model/resources.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { CGROUP_HIERARCHIES = 4, CGROUP_PATH_SIZE = 256 };

/* Where this machine's cgroups are. Plain memory. */
struct cgroup {
    const struct cgroup_kind *kind;
    char mounts[CGROUP_HIERARCHIES][CGROUP_PATH_SIZE];
};

/* Finds out what there is in `mountinfo` (text of /proc/self/mountinfo) and in the mounted directories; what can neither
 * be written nor limit memory, processes and CPU counts as none. Never fails. */
void cgroup_detect(const char *mountinfo, struct cgroup *out);
/* "cgroup v1", "cgroup v2", or NULL for none. */
const char *cgroup_name(const struct cgroup *cgroup);

/* Makes the container's group with its limits: memory (swap included), processes, CPU. */
int cgroup_create(const struct cgroup *cgroup, const char *id, const struct resources *resources,
                  struct err *err) must_use;
/* The files into which a process writes "0" to join; how many. Joining itself is done between fork and exec. */
size_t cgroup_doors(const struct cgroup *cgroup, const char *id, char out[CGROUP_HIERARCHIES][CGROUP_PATH_SIZE]);
/* Whether it has a group in every hierarchy: then all its processes are in there, but for one that is about to join. */
bool cgroup_exists(const struct cgroup *cgroup, const char *id);
/* Kills what is in it, once; how many processes there were. */
size_t cgroup_kill(const struct cgroup *cgroup, const char *id);
/* Removes it, waiting a little for the last process to leave. A missing one is success. */
int cgroup_remove(const struct cgroup *cgroup, const char *id, struct err *err) must_use;
/* CPU time used so far, and memory used now without what is only cached, rounded up. False where nothing measures both. */
bool cgroup_usage(const struct cgroup *cgroup, const char *id, int64_t *cpu_time_ms, int64_t *memory_mb);
/* Whether a process in it was killed for memory. */
bool cgroup_oom_killed(const struct cgroup *cgroup, const char *id);
/* The directory with its memory counters, and where a container expects it; false for none. */
bool cgroup_memory_view(const struct cgroup *cgroup, const char *id, char outside[CGROUP_PATH_SIZE],
                        const char **inside_out);

#endif
