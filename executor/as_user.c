/* SPDX-License-Identifier: Apache-2.0 */
/* Switches file-system ids, or effective ids, and back. */
#include "executor/as_user.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

void as_user_switch(uid_t uid)
{
    setfsuid(uid);
    if ((uid_t)setfsuid((uid_t)-1) != uid) /* the call has no error: asking is the only way to know */
        abort();
}

void as_user_begin(uid_t uid, gid_t gid)
{
    setfsgid(gid);
    as_user_switch(uid);
}

void as_user_end(void)
{
    setfsuid(0);
    setfsgid(0);
}

int as_user_kill_all(uid_t uid, uid_t nobody, struct err *err)
{
    /* with the saved uid 0 we find back; with an effective uid other than 0, CAP_KILL is out of force */
    if (setresuid(nobody, uid, 0) != 0)
        return err_internal(err, errno, "cannot become uid %u to end its processes", (unsigned)uid);
    int status = kill(-1, SIGKILL);
    int errnum = errno;
    if (setresuid(0, 0, 0) != 0)
        abort();
    if (status != 0 && errnum != ESRCH && errnum != EPERM)
        return err_internal(err, errnum, "cannot end the processes of uid %u", (unsigned)uid);
    return 0;
}
