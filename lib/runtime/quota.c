/* SPDX-License-Identifier: Apache-2.0 */
/* Project quotas through quotactl_fd(2), which needs no name of a device; Q_SETQUOTA is understood by ext4 and XFS alike. */
#include "config.h"

#include "lib/runtime/quota.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    BLOCKS_IN_MB = 1024, /* of QIF_DQBLKSIZE */
    /* The executor ends what is over disk_mb, and says so; only what outruns it meets the hard limit. */
    SLACK_SHARE = 32,
    SLACK_MB = 1,
};

static int control(int fd, unsigned command, uint32_t project, void *data)
{
    return (int)syscall(SYS_quotactl_fd, (unsigned)fd, QCMD(command, PRJQUOTA), project, data);
}

bool quota_enforced(int fd)
{
    struct fs_quota_statv found = { .qs_version = FS_QSTATV_VERSION1 };
    return geteuid() == 0 && control(fd, Q_XGETQSTATV, 0, &found) == 0 && (found.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

int quota_assign(int fd, uint32_t project, struct err *err)
{
    struct fsxattr attributes;
    if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0)
        return err_internal(err, errno, "cannot read the project of a workspace");
    attributes.fsx_projid = project;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    if (ioctl(fd, FS_IOC_FSSETXATTR, &attributes) != 0)
        return err_internal(err, errno, "cannot give a workspace to project %u", (unsigned)project);
    return 0;
}

static int set_limits(int fd, uint32_t project, uint64_t blocks, uint64_t files)
{
    struct if_dqblk limits = { .dqb_bhardlimit = blocks, .dqb_ihardlimit = files, .dqb_valid = QIF_LIMITS };
    return control(fd, Q_SETQUOTA, project, &limits);
}

int quota_limit(int fd, uint32_t project, int64_t disk_mb, struct err *err)
{
    uint64_t mb = (uint64_t)(disk_mb + disk_mb / SLACK_SHARE + SLACK_MB);
    if (set_limits(fd, project, mb * BLOCKS_IN_MB, QUOTA_FILES) != 0)
        return err_internal(err, errno, "cannot limit project %u", (unsigned)project);
    return 0;
}

void quota_release(int fd, uint32_t project)
{
    (void)!set_limits(fd, project, 0, 0);
}
