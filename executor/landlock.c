/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by its system calls; glibc has no wrappers, and Debian's headers know only the rights of their own kernel. */
#include "executor/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RIGHT(bit) (UINT64_C(1) << (bit))
/* linux/landlock.h, LANDLOCK_ACCESS_FS_*: bits 0-12 are the first version's, 13 (refer) the second's, 14 (truncate) the
 * third's, 15 (ioctl of devices) the fifth's. */
enum { BIT_EXECUTE = 0, BIT_READ_FILE = 2, BIT_READ_DIR = 3, BIT_WRITE_FILE = 1, BIT_TRUNCATE = 14, BITS_DEVICES = 15 };
static const unsigned bits_by_version[] = { 0, 13, 14, 15, 15, 16 };

#define READ_ONLY (RIGHT(BIT_EXECUTE) | RIGHT(BIT_READ_FILE) | RIGHT(BIT_READ_DIR))
#define DEVICE (RIGHT(BIT_READ_FILE) | RIGHT(BIT_WRITE_FILE) | RIGHT(BIT_TRUNCATE))
#define DIRECTORY_ONLY (~(RIGHT(BIT_EXECUTE) | RIGHT(BIT_READ_FILE) | RIGHT(BIT_WRITE_FILE) | RIGHT(BIT_TRUNCATE) | RIGHT(BITS_DEVICES)))

struct attr {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped; /* sixth version: bit 0 abstract unix sockets, bit 1 signals */
};

static const char *const system_paths[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
                                            "/opt", "/nix" };
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom" };

static int allow(int ruleset, const char *path, uint64_t rights, struct err *err)
{
    cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return errno == ENOENT ? 0 : err_internal(err, errno, "cannot open %s", path);
    if (!S_ISDIR(st.st_mode))
        rights &= ~DIRECTORY_ONLY;
    struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return err_internal(err, errno, "cannot allow %s in Landlock", path);
    return 0;
}

static int allow_all(int ruleset, const char *const *paths, size_t count, uint64_t rights, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (allow(ruleset, paths[i], rights, err) != 0)
            return -1;
    return 0;
}

int landlock_ruleset(const char *workspace, const char *tmp, int *fd_out, struct err *err)
{
    enum { VERSIONS = sizeof(bits_by_version) / sizeof(bits_by_version[0]), VERSION_SCOPE = 6 };
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return err_set(err, ERR_UNAVAILABLE, "This kernel offers no Landlock (%s).",
                       errno == EOPNOTSUPP ? "it is switched off" : "it is too old, or a filter forbids it");
    unsigned bits = bits_by_version[version < VERSIONS ? version : VERSIONS - 1];
    uint64_t all = RIGHT(bits) - 1;
    struct attr attr = { .handled_fs = all, .scoped = version >= VERSION_SCOPE ? 3 : 0 };
    size_t size = version >= VERSION_SCOPE ? sizeof(attr) : sizeof(attr.handled_fs);
    cleanup_fd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return err_internal(err, errno, "cannot make a Landlock ruleset");
    if (allow_all(ruleset, system_paths, sizeof(system_paths) / sizeof(system_paths[0]), READ_ONLY, err) != 0 ||
        allow_all(ruleset, devices, sizeof(devices) / sizeof(devices[0]), DEVICE & all, err) != 0 ||
        allow(ruleset, workspace, all, err) != 0 || allow(ruleset, tmp, all, err) != 0)
        return -1;
    *fd_out = steal_fd(&ruleset);
    return 0;
}

int landlock_apply(int ruleset)
{
    return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
