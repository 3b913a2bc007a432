/* SPDX-License-Identifier: Apache-2.0 */
/* From the engine's settings to the address of a request. */
#include "lib/runtime/docker_target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/engine.h"

#define TCP "tcp://"

static const char *host_of(const struct runtime_settings *settings)
{
    return settings->docker_host ? settings->docker_host : "";
}

bool docker_target_remote(const struct runtime_settings *settings)
{
    return strcmp(settings->kind, "docker") == 0 && strncmp(host_of(settings), TCP, sizeof(TCP) - 1) == 0;
}

/* Addresses that never leave this machine, in the only ways that they are written. A name that merely looks like one is none. */
static bool is_loopback(const char *host)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr parsed;
    size_t len = strcspn(host, ":");
    snprintf(address, sizeof(address), "%.*s", (int)(len < sizeof(address) ? len : 0), host);
    if (inet_pton(AF_INET, address, &parsed) == 1)
        return ntohl(parsed.s_addr) >> 24 == 127;
    return strncmp(host, "localhost:", 10) == 0 || strncmp(host, "[::1]:", 6) == 0;
}

static int read_tls(const char *directory, struct docker_target *out, struct err *err)
{
    if (directory[0] != '/' || strlen(directory) > ENGINE_URL_MAX)
        return err_set(err, ERR_INVALID,
                       "runtime.docker_tls must be the absolute path of a directory with ca.pem, cert.pem and key.pem, of at most %d bytes.",
                       ENGINE_URL_MAX);
    snprintf(out->ca, sizeof(out->ca), "%s/ca.pem", directory);
    snprintf(out->cert, sizeof(out->cert), "%s/cert.pem", directory);
    snprintf(out->key, sizeof(out->key), "%s/key.pem", directory);
    return 0;
}

static int read_tcp(const struct runtime_settings *settings, struct docker_target *out, struct err *err)
{
    const char *host = host_of(settings) + sizeof(TCP) - 1, *tls = settings->docker_tls ? settings->docker_tls : "";
    out->remote = true;
    if (!tls[0] && !is_loopback(host))
        return err_set(err, ERR_INVALID,
                       "The engine at %.160s would be spoken to in the open: whoever listens could take it over. Set runtime.docker_tls to a "
                       "directory with ca.pem, cert.pem and key.pem.", host_of(settings));
    snprintf(out->base, sizeof(out->base), "%s://%s", tls[0] ? "https" : "http", host);
    return tls[0] ? read_tls(tls, out, err) : 0;
}

int docker_target_read(const struct runtime_settings *settings, struct docker_target *out, struct err *err)
{
    struct docker_target target = { 0 };
    const char *host = host_of(settings), *path = host[0] ? engine_url_path(host) : settings->docker_socket;
    if (!host[0] && (!path || !path[0]))
        return err_set(err, ERR_INVALID, "runtime.docker_socket or runtime.docker_host must say where the Docker Engine is.");
    if (host[0] && engine_url_check(host, err) != 0)
        return -1;
    if (path) {
        snprintf(target.unix_path, sizeof(target.unix_path), "%s", path);
        snprintf(target.base, sizeof(target.base), "http://docker");
    } else if (read_tcp(settings, &target, err) != 0) {
        return -1;
    }
    *out = target;
    return 0;
}

void docker_target_aim(const struct docker_target *target, const char *path, char url[DOCKER_URL_SIZE],
                       struct http_request *request)
{
    snprintf(url, DOCKER_URL_SIZE, "%s%s", target->base, path);
    request->url = url;
    request->unix_path = target->unix_path[0] ? target->unix_path : NULL;
    if (target->ca[0])
        request->tls = (struct http_tls){ .ca_file = target->ca, .cert_file = target->cert, .key_file = target->key };
}
