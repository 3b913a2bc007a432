/* SPDX-License-Identifier: Apache-2.0 */
/* The runner scripts of executor/runners/, embedded at build time. Not NUL-terminated. */
#ifndef SANDBOX_EXECUTOR_RUNNERS_H
#define SANDBOX_EXECUTOR_RUNNERS_H

#include <stddef.h>

extern const char runner_python[];
extern const size_t runner_python_len;
extern const char runner_clone[]; /* before Python's own */
extern const size_t runner_clone_len;
extern const char runner_preload[]; /* between them, where modules are to be imported ahead */
extern const size_t runner_preload_len;
extern const char runner_javascript[];
extern const size_t runner_javascript_len;

#endif
