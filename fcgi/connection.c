/* SPDX-License-Identifier: Apache-2.0 */
/* libfcgi, and what it leaves to us: limits of time, and closing. */
#include "fcgi/connection.h"

#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CLIENT_SILENCE_S = 30 };

struct connection {
    FCGX_Request fcgi;
    struct request_source source;
    struct response_sink sink;
    struct visit *visit;
};

static long read_body(void *arg, char *buf, size_t len)
{
    FCGX_Request *request = arg;
    int got = FCGX_GetStr(buf, (int)len, request->in);
    return got == 0 && FCGX_GetError(request->in) != 0 ? -1 : got;
}

static int write_answer(void *arg, const char *data, size_t len)
{
    FCGX_Request *request = arg;
    return FCGX_PutStr(data, (int)len, request->out) < 0 ? -1 : 0;
}

/* Without the end that FastCGI has: the web server takes that for a failure, and breaks with the client. */
static void abort_answer(void *arg)
{
    FCGX_Request *request = arg;
    (void)FCGX_FFlush(request->out);
    (void)shutdown(request->ipcFd, SHUT_RDWR);
}

/* libfcgi has no time limits of its own: a web server that falls silent must not hold a thread for ever. */
static void limit_silence(int fd)
{
    const struct timeval limit = { .tv_sec = CLIENT_SILENCE_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Whether all that the web server had to say was read: what is left unread would tear the answer when the connection is closed. */
static bool heard_out(FCGX_Request *fcgi)
{
    const char *length = FCGX_GetParam("CONTENT_LENGTH", fcgi->envp);
    char none;
    bool empty = !length || !length[0] || strcmp(length, "0") == 0;
    return empty && FCGX_GetStr(&none, 1, fcgi->in) == 0 && FCGX_GetError(fcgi->in) == 0;
}

/* The connection is closed: idle, it would keep this thread from all others. libfcgi waits for the web server to close it first, so that nothing
 * unread is lost; without a body nothing is. */
static void finish(FCGX_Request *fcgi)
{
    fcgi->keepConnection = heard_out(fcgi);
    FCGX_Finish_r(fcgi);
    if (fcgi->ipcFd >= 0)
        close(fcgi->ipcFd);
}

/* libfcgi reads what it is given as a connection that it keeps; its own accept() waits once more for each. */
static int read_request(FCGX_Request *fcgi, int listening, int fd)
{
    limit_silence(fd);
    FCGX_InitRequest(fcgi, listening, 0);
    fcgi->ipcFd = fd;
    fcgi->keepConnection = 1;
    return FCGX_Accept_r(fcgi);
}

struct connection *connection_open(const struct server *server, int listening, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return NULL;
    }
    FCGX_Request *fcgi = &connection->fcgi;
    if (read_request(fcgi, listening, fd) != 0) {
        free(connection);
        return NULL;
    }
    connection->source = (struct request_source){ .params = fcgi->envp, .read = read_body, .arg = fcgi };
    connection->sink = (struct response_sink){ .write = write_answer, .abort = abort_answer, .arg = fcgi };
    connection->visit = visit_open(server, &connection->source, fcgi->ipcFd, &connection->sink);
    if (connection->visit)
        return connection;
    FCGX_Free(fcgi, 1);
    free(connection);
    return NULL;
}

struct visit *connection_visit(const struct connection *connection)
{
    return connection->visit;
}

void connection_close(struct connection *connection)
{
    finish(&connection->fcgi);
    visit_free(connection->visit);
    free(connection);
}
