/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the seccomp filter with libseccomp, from tables, and exports it as a BPF program that a child loads in one call. */
#include "executor/syscalls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Refused with EPERM. A name the architecture does not have is skipped. */
static const char *const refused[] = {
    /* file systems and namespaces */
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount",
    "open_tree", "mount_setattr", "unshare", "setns", "quotactl", "quotactl_fd", "swapon", "swapoff",
    "open_by_handle_at", "name_to_handle_at", "fanotify_init", "fanotify_mark",
    /* other processes */
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "personality",
    /* the kernel's insides */
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "bpf",
    "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "lookup_dcookie", "syslog", "acct",
    "vmsplice", "memfd_secret", "map_shadow_stack", "lsm_set_self_attr", "nfsservctl", "_sysctl", "sysfs", "ustat",
    "vm86", "vm86old", "modify_ldt", "uselib", "iopl", "ioperm", "pciconfig_read", "pciconfig_write", "vhangup",
    /* the machine */
    "reboot", "settimeofday", "stime", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64",
    "adjtimex", "sethostname", "setdomainname", "mbind", "migrate_pages", "move_pages", "set_mempolicy",
};

/* Refused as if the kernel were older: programs then use what they used before. */
static const char *const unknown[] = { "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register" };

static int refuse(scmp_filter_ctx ctx, const char *const *names, size_t count, int errnum)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR)
            continue;
        int status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(errnum), number, 0);
        if (status != 0 && status != -EEXIST)
            return status;
    }
    return 0;
}

/* Threads and processes, yes; namespaces, no. */
static int refuse_namespaces(scmp_filter_ctx ctx)
{
    static const unsigned long flags[] = { CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                           CLONE_NEWUSER, CLONE_NEWPID,   CLONE_NEWNET };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        int status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                      SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
        if (status != 0)
            return status;
    }
    return 0;
}

/* Faking input into a terminal that somebody else reads; a file's project, which its quota hangs on. */
static int refuse_commands(scmp_filter_ctx ctx)
{
    static const unsigned long commands[] = { 0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */, 0x401c5820 /* FS_IOC_FSSETXATTR */,
                                              0x40086602 /* FS_IOC_SETFLAGS */, 0x40046602 /* FS_IOC32_SETFLAGS */ };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        int status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, commands[i]));
        if (status != 0)
            return status;
    }
    return 0;
}

/* A process that may not be dumped hides which files it holds open, even those that have no name any more (executor/unlinked.h). */
static int refuse_hiding(scmp_filter_ctx ctx)
{
    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 2, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, PR_SET_DUMPABLE),
                            SCMP_A1(SCMP_CMP_EQ, 0, 0));
}

/* All families of sockets are refused but those allowed: each value between them by a rule of its own. */
static int refuse_sockets(scmp_filter_ctx ctx, bool network)
{
    enum { FAMILY_MAX = 64 };
    int status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, FAMILY_MAX, 0));
    for (unsigned family = 0; family <= FAMILY_MAX && status == 0; family++) {
        bool inet = family == AF_INET || family == AF_INET6;
        if (family == AF_UNIX || (network && inet))
            continue;
        status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_EQ, family, 0));
    }
    if (status == 0 && network) /* raw packets, even where the caller would be allowed */
        status = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
    return status;
}

static int add_rules(scmp_filter_ctx ctx, bool network)
{
    int status = refuse(ctx, refused, sizeof(refused) / sizeof(refused[0]), EPERM);
    if (status == 0)
        status = refuse(ctx, unknown, sizeof(unknown) / sizeof(unknown[0]), ENOSYS);
    if (status == 0)
        status = refuse_namespaces(ctx);
    if (status == 0)
        status = refuse_commands(ctx);
    if (status == 0)
        status = refuse_hiding(ctx);
    if (status == 0)
        status = refuse_sockets(ctx, network);
    return status;
}

static int export_program(scmp_filter_ctx ctx, struct sock_fprog *program, struct err *err)
{
    cleanup_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    struct stat st;
    if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0 || fstat(fd, &st) != 0)
        return err_internal(err, errno, "cannot export the seccomp filter");
    struct sock_filter *filter = malloc((size_t)st.st_size);
    if (!filter || pread(fd, filter, (size_t)st.st_size, 0) != st.st_size) {
        free(filter);
        return err_internal(err, errno, "cannot read the seccomp filter");
    }
    program->filter = filter;
    program->len = (unsigned short)((size_t)st.st_size / sizeof(*filter));
    return 0;
}

int syscalls_filter(bool network, struct sock_fprog *program, struct err *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return err_internal(err, 0, "cannot make a seccomp filter");
    /* a search tree instead of a list: every system call of user code runs through this */
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    int status = add_rules(ctx, network);
    if (status == 0)
        status = export_program(ctx, program, err);
    else
        err_internal(err, -status, "cannot build the seccomp filter");
    seccomp_release(ctx);
    return status == 0 ? 0 : -1;
}

int syscalls_apply(const struct sock_fprog *program)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) == 0)
        return 0;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
}
