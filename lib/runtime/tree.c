/* SPDX-License-Identifier: Apache-2.0 */
/* Flattens before it removes: every directory found below is moved up to the top first, so that depth never grows. */
#include "config.h"

#include "lib/runtime/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}
#define cleanup_directory cleanup(close_directory)

static DIR *open_directory(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *directory = fdopendir(fd);
    if (!directory)
        close(fd);
    return directory;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Moves a directory up to `top` under a name that is free there. */
static int move_up(int from, const char *name, int top, uint64_t *serial)
{
    char fresh[32];
    do {
        snprintf(fresh, sizeof(fresh), ".gone-%llu", (unsigned long long)++*serial);
        if (renameat2(from, name, top, fresh, RENAME_NOREPLACE) == 0)
            return 0;
    } while (errno == EEXIST);
    return errno == ENOENT ? 0 : -1;
}

/* Empties one directory of `top`: files go, directories move up. */
static int empty_into(int top, DIR *directory, uint64_t *serial)
{
    int fd = dirfd(directory);
    for (struct dirent *entry; (errno = 0, entry = readdir(directory));) {
        if (is_dots(entry->d_name))
            continue;
        if (unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM)
            return -1;
        if (move_up(fd, entry->d_name, top, serial) != 0)
            return -1;
    }
    return errno == 0 ? 0 : -1;
}

/* One entry of the top; true is all that is wanted, readdir() may or may not show what has been moved up meanwhile. */
static int remove_entry(int top, const char *name, uint64_t *serial)
{
    if (unlinkat(top, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(top, name, AT_REMOVEDIR) == 0)
        return 0;
    cleanup_directory DIR *directory = open_directory(top, name);
    if (!directory || empty_into(top, directory, serial) != 0)
        return -1;
    return unlinkat(top, name, AT_REMOVEDIR);
}

/* One pass over the top; *left_out: whether anything was there. */
static int sweep(DIR *directory, uint64_t *serial, bool *left_out)
{
    *left_out = false;
    rewinddir(directory);
    for (struct dirent *entry; (errno = 0, entry = readdir(directory));) {
        if (is_dots(entry->d_name))
            continue;
        *left_out = true;
        if (remove_entry(dirfd(directory), entry->d_name, serial) != 0)
            return -1;
    }
    return errno == 0 ? 0 : -1;
}

int tree_remove(int parent, const char *name, struct err *err)
{
    uint64_t serial = 0;
    bool left = true;
    cleanup_directory DIR *directory = open_directory(parent, name);
    if (!directory && errno == ENOENT)
        return 0;
    if (!directory)
        return err_internal(err, errno, "cannot open %s to remove it", name);
    while (left)
        if (sweep(directory, &serial, &left) != 0)
            return err_internal(err, errno, "cannot empty %s", name);
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return err_internal(err, errno, "cannot remove %s", name);
    return 0;
}
