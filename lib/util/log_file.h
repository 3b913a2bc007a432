/* SPDX-License-Identifier: Apache-2.0 */
/* A log that is a file and must not fill the disk. */
#ifndef SANDBOX_UTIL_LOG_FILE_H
#define SANDBOX_UTIL_LOG_FILE_H

#include <stdint.h>

/* Cuts the file open as `fd` (for appending) when it is longer than `max` bytes: the newest quarter stays, from a line's start; where
 * `fd` cannot be read, nothing does. Does nothing to what is not a regular file. */
void log_file_bound(int fd, int64_t max);

#endif
