/* SPDX-License-Identifier: Apache-2.0 */
/* The memory cgroup around us, if it can be seen: whether it limits, and how often the kernel killed in it. */
#ifndef SANDBOX_EXECUTOR_MEMORY_H
#define SANDBOX_EXECUTOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory {
    int events;   /* descriptor of the file that counts kills; -1: none */
    bool limited; /* a limit below the machine's memory is in force */
};

void memory_init(struct memory *memory);
void memory_release(struct memory *memory);
/* Processes that the kernel has killed for memory so far; 0 when it cannot be seen. */
int64_t memory_kills(const struct memory *memory);

#endif
