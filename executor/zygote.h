/* SPDX-License-Identifier: Apache-2.0 */
/* The Python process that interpreters are forked from, and the socket on which it is asked for them. */
#ifndef SANDBOX_EXECUTOR_ZYGOTE_H
#define SANDBOX_EXECUTOR_ZYGOTE_H

#include <stdint.h>
#include <sys/types.h>

#include "executor/confine.h"

struct zygote {
    pid_t pid;   /* 0: not running */
    int control; /* our end of a SEQPACKET socket pair, non-blocking; -1 */
};

enum { ZYGOTE_TEXT_SIZE = 384 };

/* What the process says. */
struct zygote_answer {
    enum zygote_word {
        ZYGOTE_FORKED, /* number, and pid; 0: could not be forked */
        ZYGOTE_LEFT_OUT, /* module, reason */
        ZYGOTE_WARM, /* pid of the process that forks from now on: all modules are there that can be had */
    } word;
    uint64_t number;
    pid_t pid;
    char text[ZYGOTE_TEXT_SIZE];
    const char *module, *reason; /* within the text */
};

/* ERR_NOT_FOUND when there is no python3. `preload`: it imports the setup's modules, too, once it has forked for the first time. */
int zygote_start(struct zygote *zygote, const struct setup *setup, bool preload, const struct confine *confine, struct err *err) must_use;
/* Closes the socket, by which the process ends. */
void zygote_stop(struct zygote *zygote);
/* Asks for an interpreter with the descriptors of `fds`. */
int zygote_request(struct zygote *zygote, uint64_t number, const int *fds, size_t count, struct err *err) must_use;
/* 1: an answer; 0: none now; -1: the process is gone. */
int zygote_receive(struct zygote *zygote, struct zygote_answer *out);
/* A file in memory with a runner script, or -1. */
int zygote_script(const char *text, size_t len, struct err *err) must_use;

#endif
