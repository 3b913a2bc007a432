/* SPDX-License-Identifier: Apache-2.0 */
/* Stage of tests about engines on other hosts: an engine of its own that takes TLS only, a relay in a process of its own, containers. */
#ifndef SANDBOX_TESTS_RELAY_STAGE_H
#define SANDBOX_TESTS_RELAY_STAGE_H

#include <check.h>
#include <sys/types.h>

#include "lib/execclient/execclient.h"
#include "lib/execclient/files.h"
#include "lib/runtime/runtime.h"

#define RELAY_STAGE_SECRET "secret-of-a-container-of-the-test"

struct relay_stage {
    char engine[64];    /* the engine's directory, see tests/tls-engine.sh */
    int port;
    char directory[64]; /* runtime.directory */
    char host[64], tls[96], executor[256];
    char id[2][CONTAINER_ID_SIZE];
    struct runtime_settings settings;
    pid_t relay;
};

/* 0; or the exit status with which the program should end. The containers run and answer. */
int relay_stage_open(struct relay_stage *stage);
void relay_stage_close(struct relay_stage *stage);
/* tests/tls-engine.sh. */
int relay_stage_engine(const struct relay_stage *stage, const char *command);
/* The same engine, spoken to with other certificates: a directory of the script's. */
struct runtime_settings relay_stage_settings(const struct relay_stage *stage, const char *certificates, char tls[96]);

/* `endpoint` holds what `target` points to. */
void relay_stage_aim(const struct relay_stage *stage, const char *id, struct runtime_endpoint *endpoint, struct exec_target *target);
/* Runs shell code in container 0 and returns what it said, both streams (valid until the next call). */
const char *relay_stage_shell(const struct relay_stage *stage, const char *code);
/* Connects to the relay and sends bytes: a descriptor. */
int relay_stage_send(const struct relay_stage *stage, const char *bytes, size_t len);
/* Reads to the end, at most `size` less one, within 10 s: what came, as a string; its length, or -1: reset. */
ssize_t relay_stage_receive(int fd, char *out, size_t size);

/* relay_attacks.c. */
void relay_add_attacks(TCase *cases, const struct relay_stage *on);
/* relay_runtime.c; empty without SANDBOX_LONG. */
Suite *relay_runtime_suite(const struct relay_stage *stage);
/* relay_own.c. */
void relay_add_own(TCase *cases, const struct relay_stage *on);
/* relay_costs.c. */
void relay_add_costs(TCase *cases, const struct relay_stage *on);

#endif
