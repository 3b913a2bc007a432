/* SPDX-License-Identifier: Apache-2.0 */
/* Where the Docker Engine is and how it is spoken to: settings in, requests out. Pure. */
#ifndef SANDBOX_RUNTIME_DOCKER_TARGET_H
#define SANDBOX_RUNTIME_DOCKER_TARGET_H

#include <stdbool.h>

#include "lib/io/http.h"
#include "lib/runtime/runtime.h"

enum { DOCKER_PATH_SIZE = 1024, DOCKER_BASE_SIZE = 272, DOCKER_URL_SIZE = DOCKER_BASE_SIZE + DOCKER_PATH_SIZE, DOCKER_FILE_SIZE = 272 };

struct docker_target {
    bool remote;          /* tcp://: nothing of this host's is seen there, and executors are reached through the engine */
    char unix_path[256];  /* "": TCP */
    char base[DOCKER_BASE_SIZE]; /* "https://HOST:PORT", "http://docker" */
    char ca[DOCKER_FILE_SIZE], cert[DOCKER_FILE_SIZE], key[DOCKER_FILE_SIZE]; /* "": no TLS */
};

/* Whether the engine is reached over TCP; false for other kinds than docker. */
bool docker_target_remote(const struct runtime_settings *settings);
/* ERR_INVALID, with a text for operators: an address that is none; tcp:// to another host without TLS. The files are not looked at. */
int docker_target_read(const struct runtime_settings *settings, struct docker_target *out, struct err *err) must_use;
/* Aims `request` at `path` of the engine. It points into `target` and `url` from then on. */
void docker_target_aim(const struct docker_target *target, const char *path, char url[DOCKER_URL_SIZE],
                       struct http_request *request);

#endif
