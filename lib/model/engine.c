/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of nodes' names and engines' addresses. */
#include "lib/model/engine.h"

#include <stdlib.h>
#include <string.h>

#define UNIX "unix://"
#define TCP "tcp://"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { NODE_ID_MAX = 64, PORT_MAX = 65535, PORT_DIGITS = 5 };

int node_id_check(const char *id, struct err *err)
{
    size_t len = strlen(id);
    if (len >= 1 && len <= NODE_ID_MAX && strspn(id, LETTERS DIGITS "._-") == len && strspn(id, LETTERS DIGITS) > 0)
        return 0;
    return err_set(err, ERR_INVALID,
                   "\"%.80s\" is not a node's name: 1 to %d letters, digits, dots, hyphens and underscores, a letter or digit first.",
                   id, NODE_ID_MAX);
}

bool engine_url_local(const char *url)
{
    return strncmp(url, UNIX, sizeof(UNIX) - 1) == 0;
}

const char *engine_url_path(const char *url)
{
    return engine_url_local(url) ? url + sizeof(UNIX) - 1 : NULL;
}

static bool printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool is_port(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > PORT_DIGITS || strspn(text, DIGITS) != len)
        return false;
    long port = strtol(text, NULL, 10);
    return port >= 1 && port <= PORT_MAX;
}

static bool is_tcp(const char *url)
{
    if (strncmp(url, TCP, sizeof(TCP) - 1) != 0)
        return false;
    const char *host = url + sizeof(TCP) - 1;
    bool bracketed = host[0] == '[';
    size_t len = bracketed ? strspn(host + 1, DIGITS "abcdefABCDEF:.") : strspn(host, LETTERS DIGITS ".-");
    const char *end = host + len + (bracketed ? 1 : 0);
    if (len == 0 || (bracketed && *end++ != ']'))
        return false;
    return *end == ':' && is_port(end + 1);
}

int engine_url_check(const char *url, struct err *err)
{
    const char *path = engine_url_path(url);
    size_t len = strlen(url);
    if (len > ENGINE_URL_MAX || !printable(url))
        return err_set(err, ERR_INVALID, "An engine's address is at most %d printable characters.", ENGINE_URL_MAX);
    if (path && (path[0] != '/' || len - (size_t)(path - url) > ENGINE_UNIX_PATH_MAX))
        return err_set(err, ERR_INVALID, "unix:// is followed by an absolute path of at most %d bytes.", ENGINE_UNIX_PATH_MAX);
    if (path || is_tcp(url))
        return 0;
    return err_set(err, ERR_INVALID, "\"%.200s\" is not an engine's address: unix:///PATH or tcp://HOST:PORT.", url);
}
