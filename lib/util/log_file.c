/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a log file short by writing its end over its beginning. */
#include "lib/util/log_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/cleanup.h"

void log_file_bound(int fd, int64_t max)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size <= max)
        return;
    size_t keep = max > 0 ? (size_t)max / 4 : 0;
    cleanup_free char *text = malloc(keep + 1);
    ssize_t got = text ? pread(fd, text, keep, found.st_size - (off_t)keep) : -1;
    const char *line = got > 0 ? memchr(text, '\n', (size_t)got) : NULL;
    if (ftruncate(fd, 0) != 0 || !line)
        return;
    ssize_t ignored = write(fd, line + 1, (size_t)(text + got - (line + 1)));
    (void)ignored; /* a disk that is full keeps nothing */
}
