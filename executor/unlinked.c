/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/fd and /proc/PID/maps, read as the process's own user: that is who the kernel lets look. */
#include "executor/unlinked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "executor/as_user.h"
#include "executor/inodes.h"
#include "lib/util/cleanup.h"
#include "lib/wire/environment.h"

enum { LOOKS_MAX = 20000, LINE_MAX_BYTES = 8192, BLOCK = 512 };

struct search {
    const struct setup *setup;
    struct inodes seen;
    struct unlinked *out;
    dev_t device;
    int looks;
    pid_t (*main_of)(void *arg, uid_t uid);
    void *arg;
};

/* Interpreters that changed their user cannot be looked into unless they allow it, nor can what they fork: only a slot whose own
 * interpreter is open has something to hide. */
static void note_opaque(const struct search *search, pid_t pid, uid_t uid)
{
    char path[64];
    pid_t main = search->main_of(search->arg, uid);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)main);
    cleanup_fd int fd = main > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (main <= 0 || fd >= 0)
        search->out->opaque = pid;
}

static bool cannot_look(int errnum)
{
    return errnum == EACCES || errnum == EPERM;
}

static void look_at_descriptors(struct search *search, pid_t pid, uid_t uid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir) {
        if (cannot_look(errno))
            note_opaque(search, pid, uid);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (++search->looks > LOOKS_MAX) {
            search->out->opaque = pid;
            break;
        }
        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0) {
            if (cannot_look(errno))
                note_opaque(search, pid, uid);
            continue;
        }
        int64_t on_disk = (int64_t)st.st_blocks * BLOCK;
        if (S_ISREG(st.st_mode) && st.st_nlink == 0 && st.st_dev == search->device && inodes_add(&search->seen, st.st_ino))
            search->out->bytes += st.st_size > on_disk ? (int64_t)st.st_size : on_disk;
    }
    closedir(dir);
}

/* A mapping's own end is all that is known of how large its file is. */
static void look_at_mapping(struct search *search, const char *line)
{
    static const char mark[] = " (deleted)\n";
    uint64_t first, end, offset, inode;
    int at = 0;
    size_t len = strlen(line), root = strlen(search->setup->workspace);
    if (len < sizeof(mark) || strcmp(line + len - (sizeof(mark) - 1), mark) != 0 ||
        sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %" SCNx64 " %*s %" SCNu64 " %n", &first, &end, &offset, &inode, &at) != 4 || at == 0)
        return;
    if (strncmp(line + at, search->setup->workspace, root) == 0 && line[(size_t)at + root] == '/' && inodes_add(&search->seen, inode))
        search->out->bytes += (int64_t)(end - first + offset);
}

static void look_at_mappings(struct search *search, pid_t pid)
{
    char path[64], line[LINE_MAX_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    cleanup_file FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        look_at_mapping(search, line);
}

/* The slot's user that the process runs as; false: none of ours. */
static bool slot_user(const struct setup *setup, pid_t pid, uid_t *uid_out)
{
    char path[64], text[2048];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[got > 0 ? got : 0] = '\0';
    const char *uid = strstr(text, "\nUid:");
    if (!uid || strstr(text, "\nState:\tZ"))
        return false;
    *uid_out = (uid_t)strtoul(uid + 5, NULL, 10);
    return *uid_out >= setup->uid && *uid_out < setup->uid + EXECUTOR_SLOTS;
}

void unlinked_measure(const struct setup *setup, pid_t (*main_of)(void *arg, uid_t uid), void *arg, struct unlinked *out)
{
    struct stat st;
    struct search search = { .setup = setup, .out = out, .main_of = main_of, .arg = arg };
    DIR *proc = opendir("/proc");
    *out = (struct unlinked){ 0 };
    if (proc && stat(setup->workspace, &st) == 0)
        search.device = st.st_dev;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        uid_t uid;
        if (pid <= 0 || !slot_user(setup, pid, &uid))
            continue;
        as_user_begin(uid, setup->gid);
        look_at_descriptors(&search, pid, uid);
        look_at_mappings(&search, pid);
        as_user_end();
    }
    if (proc)
        closedir(proc);
    inodes_release(&search.seen);
}
