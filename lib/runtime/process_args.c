/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox of the process runtime sees: bubblewrap's arguments, and the /etc it is given. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/runtime/process.h"
#include "lib/util/id.h"

enum { COPY_MAX = 4 * 1024 * 1024 };

void process_args_release(struct process_args *args)
{
    for (size_t i = 0; i < args->count; i++)
        free(args->items[i]);
    *args = (struct process_args){ 0 };
}

static void add(struct process_args *args, const char *item)
{
    char *copy = args->count < PROCESS_ARGS_MAX ? strdup(item) : NULL;
    if (copy)
        args->items[args->count++] = copy;
    else
        args->failed = true;
}

#define ADD(args, ...)                                                                                       \
    add_all(args, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void add_all(struct process_args *args, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(args, items[i]);
}

static void add_isolation(struct process_args *args)
{
    ADD(args, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try");
    ADD(args, "--as-pid-1", "--new-session", "--hostname", "sandbox");
    ADD(args, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL");
}

/* /bin, /lib, ... are links into /usr, or directories of their own on an older system. */
static void add_system(struct process_args *args)
{
    static const char *const tops[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32" };
    ADD(args, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
        char target[256];
        struct stat found;
        ssize_t len = readlink(tops[i], target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            ADD(args, "--symlink", target, tops[i]);
        } else if (stat(tops[i], &found) == 0 && S_ISDIR(found.st_mode)) {
            ADD(args, "--ro-bind", tops[i], tops[i]);
        }
    }
}

static void add_etc(struct process_args *args, const struct runtime_settings *settings)
{
    char etc[ROOM_PATH_SIZE];
    snprintf(etc, sizeof(etc), "%s/" PROCESS_ETC, settings->directory);
    ADD(args, "--ro-bind", etc, "/etc");
    if (access("/etc/alternatives", X_OK) == 0)
        ADD(args, "--ro-bind", "/etc/alternatives", "/etc/alternatives");
}

static void add_scratch(struct process_args *args)
{
    /* made for a mount point alone, they would be closed to user code */
    ADD(args, "--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/sys");
    ADD(args, "--perms", "0755", "--dir", "/sys/fs", "--perms", "0755", "--dir", "/sys/fs/cgroup");
    ADD(args, "--proc", "/proc", "--dev", "/dev");
    ADD(args, "--perms", "1777", "--size", "67108864", "--tmpfs", "/dev/shm");
    ADD(args, "--perms", "1777", "--size", "67108864", "--tmpfs", "/tmp");
}

static void add_room(struct process_args *args, const struct process_runtime *runtime,
                     const struct process_launch *launch)
{
    char path[ROOM_PATH_SIZE + 16], group[CGROUP_PATH_SIZE];
    const char *inside;
    snprintf(path, sizeof(path), "%s/" ROOM_RUN, launch->path);
    ADD(args, "--bind", path, "/run/sandbox");
    snprintf(path, sizeof(path), "%s/" ROOM_WORKSPACE, launch->path);
    ADD(args, "--bind", path, "/workspace");
    if (cgroup_memory_view(&runtime->cgroup, launch->group, group, &inside))
        ADD(args, "--ro-bind", group, inside);
}

int process_args_make(const struct process_runtime *runtime, const struct process_launch *launch, const char *program,
                      struct process_args *out, struct err *err)
{
    add(out, runtime->settings->bwrap);
    add_isolation(out);
    add_system(out);
    add_etc(out, runtime->settings);
    add_scratch(out);
    add_room(out, runtime, launch);
    ADD(out, "--remount-ro", "/", "--chdir", "/workspace", "--", program);
    if (!out->failed)
        return 0;
    return err_internal(err, 0, "too many arguments for bubblewrap");
}

/* Replaces a file in one step: sandboxes that run see the old or the new one. */
static int put_file(int directory, const char *name, const char *text, size_t len, struct err *err)
{
    char fresh[24] = ".";
    id_hex(fresh + 1, 16);
    cleanup_fd int fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_internal(err, errno, "cannot make %s for /etc", name);
    if (write(fd, text, len) == (ssize_t)len && fchmod(fd, 0644) == 0 && renameat(directory, fresh, directory, name) == 0)
        return 0;
    int failed = errno;
    unlinkat(directory, fresh, 0);
    return err_internal(err, failed, "cannot write %s for /etc", name);
}

/* What the host has no such file of, sandboxes go without. */
static int copy_file(int directory, const char *from, const char *name, struct err *err)
{
    cleanup_fd int fd = open(from, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > COPY_MAX)
        return 0;
    cleanup_free char *text = malloc((size_t)found.st_size + 1);
    if (!text)
        return err_internal(err, 0, "out of memory for %s", from);
    ssize_t got = read(fd, text, (size_t)found.st_size);
    return got < 0 ? 0 : put_file(directory, name, text, (size_t)got, err);
}

int process_make_etc(const struct runtime_settings *settings, struct err *err)
{
    static const char *const files[][2] = {
        { "passwd", "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/workspace:/bin/bash\n"
                    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n" },
        { "group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n" },
        { "hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n" },
        { "hostname", "sandbox\n" },
        { "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n" },
    };
    char path[ROOM_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/" PROCESS_ETC, settings->directory);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return err_internal(err, errno, "cannot make %s", path);
    cleanup_fd int etc = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (etc < 0 || fchmod(etc, 0755) != 0 || (mkdirat(etc, "alternatives", 0755) != 0 && errno != EEXIST))
        return err_internal(err, errno, "cannot prepare %s", path);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (put_file(etc, files[i][0], files[i][1], strlen(files[i][1]), err) != 0)
            return -1;
    if (copy_file(etc, "/etc/ld.so.cache", "ld.so.cache", err) != 0)
        return -1;
    return copy_file(etc, "/etc/localtime", "localtime", err);
}
