/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes and a memfd, all close-on-exec. */
#include "executor/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int open_pipe(int *reader, int *writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

/* An output pipe. Its mode lets the sandbox's user open /dev/stdout anew, as scripts do. */
static int open_output(struct channel *channel, int which)
{
    if (open_pipe(&channel->own[which], &channel->child[which]) != 0)
        return -1;
    (void)fchmod(channel->child[which], 0622);
    return fcntl(channel->own[which], F_SETFL, O_NONBLOCK);
}

static int open_job(struct channel *channel)
{
    channel->own[CHANNEL_JOB] = memfd_create("job", MFD_CLOEXEC);
    if (channel->own[CHANNEL_JOB] < 0)
        return -1;
    channel->child[CHANNEL_JOB] = fcntl(channel->own[CHANNEL_JOB], F_DUPFD_CLOEXEC, 0);
    return channel->child[CHANNEL_JOB] < 0 ? -1 : 0;
}

int channel_open(struct channel *out, struct err *err)
{
    struct channel channel = CHANNEL_NONE;
    if (open_output(&channel, CHANNEL_OUT) != 0 || open_output(&channel, CHANNEL_ERR) != 0 ||
        open_output(&channel, CHANNEL_RESULT) != 0 || open_job(&channel) != 0 ||
        open_pipe(&channel.child[CHANNEL_GO], &channel.own[CHANNEL_GO]) != 0) {
        int errnum = errno;
        channel_close(&channel);
        return err_internal(err, errnum, "cannot open the pipes of an execution");
    }
    *out = channel;
    return 0;
}

static void close_all(int *fds)
{
    for (int i = 0; i < CHANNEL_FDS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

void channel_close_child(struct channel *channel)
{
    close_all(channel->child);
}

void channel_close(struct channel *channel)
{
    close_all(channel->own);
    close_all(channel->child);
}

int channel_write_job(struct channel *channel, const char *text, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(channel->own[CHANNEL_JOB], text + done, len - done, (off_t)done);
        if (put < 0 && errno != EINTR)
            return err_internal(err, errno, "cannot write the job");
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int channel_go(struct channel *channel, struct err *err)
{
    if (write(channel->own[CHANNEL_GO], "g", 1) != 1)
        return err_internal(err, errno, "the interpreter that waited is gone");
    return 0;
}
