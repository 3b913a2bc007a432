/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox of the process runtime says and uses. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/runtime/log_lines.h"
#include "lib/runtime/process.h"

/* The end of the file, from a line's start. */
static int read_end(int fd, off_t size, struct log_lines *lines, struct err *err)
{
    size_t want = size < RUNTIME_LOGS_MAX ? (size_t)size : RUNTIME_LOGS_MAX;
    cleanup_free char *text = malloc(want + 1);
    ssize_t got = text ? pread(fd, text, want, size - (off_t)want) : -1;
    if (got < 0)
        return err_internal(err, errno, "cannot read " ROOM_LOG);
    size_t start = 0;
    while ((off_t)want < size && start < (size_t)got && text[start++] != '\n')
        continue;
    log_lines_add(lines, text + start, (size_t)got - start, "ERROR");
    return 0;
}

int process_logs(void *state, const char *id, int64_t tail, int64_t since_ms, struct strbuf *out, struct err *err)
{
    const struct process_runtime *runtime = state;
    struct stat found;
    cleanup_fd int room = room_open(runtime->directory, id);
    /* not waiting for whoever would open the other end, were it a pipe */
    cleanup_fd int fd = room < 0 ? -1 : openat(room, ROOM_LOG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%s' does not exist.", id);
    if (fd < 0 || fstat(fd, &found) != 0)
        return err_internal(err, errno, "cannot open " ROOM_LOG);
    if (!S_ISREG(found.st_mode))
        return err_internal(err, 0, ROOM_LOG " is not a file");
    cleanup_log_lines struct log_lines lines = { 0 };
    log_lines_init(&lines, tail, since_ms, (int64_t)found.st_mtim.tv_sec * 1000);
    if (read_end(fd, found.st_size, &lines, err) != 0)
        return -1;
    log_lines_finish(&lines, RUNTIME_LOGS_MAX, out);
    return strbuf_ok(out) && strbuf_ok(&lines.kept) ? 0 : err_internal(err, 0, "out of memory for a log");
}

int process_usage(void *state, const char *id, struct runtime_usage *out, struct err *err)
{
    const struct process_runtime *runtime = state;
    char group[PROCESS_GROUP_SIZE];
    cleanup_fd int room = room_open(runtime->directory, id);
    if (room < 0)
        return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%s' does not exist.", id);
    process_group_name(runtime, id, group);
    out->measured = process_alive(room) && cgroup_usage(&runtime->cgroup, group, &out->cpu_time_ms, &out->memory_mb);
    return 0;
}
