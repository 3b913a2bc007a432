/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for registries, out of a Docker config.json: {"auths": {"registry.example:5000": {"auth": "base64 of user:password"}}}, as
 * `docker login` writes it where no credential helper is set up. Never logged, and in no error's text. */
#ifndef SANDBOX_RUNTIME_REGISTRY_AUTH_H
#define SANDBOX_RUNTIME_REGISTRY_AUTH_H

#include <stddef.h>

#include "lib/util/err.h"
#include "lib/util/strbuf.h"

/* Appends the value of X-Registry-Auth for the registry ("docker.io", "registry.example:5000"); nothing when the text has none for it.
 * ERR_INVALID: it is no such file, or what it has for this registry cannot be used. */
int registry_auth_find(const char *config, size_t len, const char *registry, struct strbuf *out, struct err *err) must_use;
/* The same out of a file; path "": nothing. ERR_UNAVAILABLE: it cannot be read. */
int registry_auth_load(const char *path, const char *registry, struct strbuf *out, struct err *err) must_use;

#endif
