/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on libevent's evhttp, on a unix socket or a TCP address. */
#include "executor/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/model/error_info.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"
#include "lib/wire/compose.h"
#include "lib/wire/execute.h"

enum { BACKLOG = 128, IDLE_S = 3600, HEADERS_MAX = 32 * 1024, ERROR_MAX = 8 * 1024, PART_SIZE = 4097 };
enum { REFUSALS_SAID = 20, REFUSALS_WINDOW_MS = 60000 };

struct server {
    struct engine *engine;
    struct evhttp *http;
    char *unix_path; /* to remove at the end */
    int refusals;    /* since refusals_since_ms */
    int64_t refusals_since_ms;
};

void server_reply(struct evhttp_request *request, int status, const char *type, const char *data, size_t len)
{
    struct evbuffer *body = evbuffer_new();
    if (!body || evbuffer_add(body, data, len) != 0) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
        evhttp_send_reply(request, status, NULL, body);
    }
    if (body)
        evbuffer_free(body);
}

void server_reply_json(struct evhttp_request *request, const char *text, size_t len)
{
    server_reply(request, HTTP_OK, "application/json", text, len);
}

void server_begin_lines(struct evhttp_request *request, void (*on_close)(struct evhttp_connection *connection, void *arg), void *arg)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/x-ndjson");
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, arg);
    evhttp_send_reply_start(request, HTTP_OK, "OK");
}

void server_end_lines(struct evhttp_request *request)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
    evhttp_send_reply_end(request);
}

void server_abandon(struct evhttp_request *request)
{
    /* one that its connection gave up while we were answering is ours; else it goes with the connection */
    if (!evhttp_request_get_connection(request))
        evhttp_request_free(request);
}

static const char *method_name(struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "";
    }
}

/* A caller that goes on and on must not drive everything else out of the log. */
static bool may_say_refusal(struct server *server)
{
    int64_t now = clock_mono_ms();
    if (now - server->refusals_since_ms >= REFUSALS_WINDOW_MS) {
        if (server->refusals > REFUSALS_SAID)
            log_event(LOG_LEVEL_WARN, "more requests were refused", LOG_INT("count", server->refusals - REFUSALS_SAID));
        server->refusals_since_ms = now;
        server->refusals = 0;
    }
    return ++server->refusals <= REFUSALS_SAID;
}

static void say_refusal(struct server *server, struct evhttp_request *request, const struct err *err)
{
    const struct error_info *info = error_info(err->code);
    if (!may_say_refusal(server))
        return;
    if (err->code == ERR_INTERNAL)
        log_err(LOG_LEVEL_ERROR, "a request failed", err, NULL, NULL);
    else
        log_event(LOG_LEVEL_WARN, "request refused", LOG_STR("method", method_name(request)),
                  LOG_INT("status", info->http_status), LOG_STR("error", info->name));
}

static void reply_error(struct evhttp_request *request, const struct err *err)
{
    const struct error_info *info = error_info(err->code);
    struct compose body;
    struct err ignored = ERR_INIT;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(ERROR_MAX);
    compose_start(&body);
    compose_text(&body, "error_code", info->name);
    compose_text(&body, "description", info->description);
    compose_text(&body, "error_detail", err->text);
    compose_text(&body, "solution", info->solution);
    if (err->field[0])
        compose_text(&body, "field", err->field);
    if (compose_finish(&body, true, &text, &ignored) != 0)
        evhttp_send_error(request, info->http_status, NULL);
    else
        server_reply(request, info->http_status, "application/json", text.data, text.len);
}

/* Takes the same time wherever the difference is. */
static bool same_secret(const char *given, const char *secret)
{
    size_t len = strlen(secret), given_len = strlen(given);
    unsigned char different = len != given_len;
    for (size_t i = 0; i < len; i++)
        different |= (unsigned char)(secret[i] ^ (given_len ? given[i % given_len] : 0));
    return different == 0;
}

static bool authorized(const struct engine *engine, struct evhttp_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return false;
    return same_secret(header + sizeof(scheme) - 1, engine->setup.secret);
}

/* Whether the path fits; *part and *len_out are what the star stood for. */
static bool matches(const char *pattern, const char *path, const char **part, size_t *len_out)
{
    size_t fixed = strcspn(pattern, "*");
    *part = "";
    *len_out = 0;
    if (strncmp(pattern, path, fixed) != 0)
        return false;
    if (pattern[fixed] == '\0')
        return path[fixed] == '\0';
    *part = path + fixed;
    *len_out = pattern[fixed + 1] == '*' ? strlen(*part) : strcspn(*part, "/");
    const char *rest = pattern + fixed + (pattern[fixed + 1] == '*' ? 2 : 1);
    return *len_out > 0 && strcmp(rest, *part + *len_out) == 0;
}

static int decode_part(const char *raw, size_t len, char out[PART_SIZE], struct err *err)
{
    size_t decoded = 0;
    cleanup_free char *copy = strndup(raw, len);
    cleanup_free char *text = copy ? evhttp_uridecode(copy, 0, &decoded) : NULL;
    if (!text)
        return err_internal(err, errno, "out of memory for a path");
    if (strlen(text) != decoded || decoded >= PART_SIZE)
        return err_set(err, ERR_INVALID, "The path is too long or holds a NUL character.");
    memcpy(out, text, decoded + 1);
    return 0;
}

static int dispatch(struct engine *engine, struct evhttp_request *request, struct err *err)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const char *method = method_name(request), *raw;
    size_t len;
    bool known = false;
    char part[PART_SIZE];
    if (!authorized(engine, request))
        return err_set(err, ERR_UNAUTHORIZED, "Send 'Authorization: Bearer' with this container's own secret.");
    for (size_t i = 0; i < route_count; i++) {
        if (!path || !matches(routes[i].pattern, path, &raw, &len))
            continue;
        known = true;
        if (strcmp(routes[i].method, method) != 0)
            continue;
        if (decode_part(raw, len, part, err) != 0)
            return -1;
        return routes[i].handle(engine, request, part, err);
    }
    return err_set(err, known ? ERR_METHOD : ERR_NOT_FOUND, "There is no such call.");
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct server *server = arg;
    struct err err = ERR_INIT;
    if (dispatch(server->engine, request, &err) == 0)
        return;
    say_refusal(server, request, &err);
    reply_error(request, &err);
}

int server_query_text(struct evhttp_request *request, const char *name, char *out, size_t size, struct err *err)
{
    struct evkeyvalq query = { 0 };
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    out[0] = '\0';
    if (!text)
        return 0;
    if (evhttp_parse_query_str(text, &query) != 0)
        return err_set(err, ERR_INVALID, "Malformed query string.");
    const char *value = evhttp_find_header(&query, name);
    bool fits = !value || strlen(value) < size;
    if (value && fits)
        strcpy(out, value);
    evhttp_clear_headers(&query);
    return fits ? 0 : err_field(err, name, "%s is too long.", name);
}

int server_query_number(struct evhttp_request *request, const char *name, int64_t preset, int64_t *out, struct err *err)
{
    char text[32], *end;
    *out = preset;
    if (server_query_text(request, name, text, sizeof(text), err) != 0)
        return -1;
    if (text[0] == '\0')
        return 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    bool ok = errno == 0 && *end == '\0' && *out >= 0;
    return ok ? 0 : err_field(err, name, "%s must be a number from 0 up.", name);
}

static int bind_unix(struct server *server, const char *path, struct err *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(err, ERR_INVALID, "The socket's path is longer than %zu bytes.", sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_internal(err, errno, "socket");
    (void)unlink(path);
    mode_t before = umask(0117); /* owner and group: user code is neither */
    int status = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(before);
    if (status != 0 || listen(fd, BACKLOG) != 0)
        return err_set(err, ERR_INVALID, "Cannot listen on %s: %s.", path, strerror(errno));
    server->unix_path = strdup(path);
    return steal_fd(&fd);
}

static int bind_tcp(const char *text, struct err *err)
{
    struct sockaddr_storage address;
    int len = sizeof(address), on = 1;
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &len) != 0)
        return err_set(err, ERR_INVALID, "%s: \"%s\" is not an address and port.", EXECUTOR_ENV_LISTEN, text);
    cleanup_fd int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_internal(err, errno, "socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, (socklen_t)len) != 0 || listen(fd, BACKLOG) != 0)
        return err_set(err, ERR_INVALID, "Cannot listen on %s: %s.", text, strerror(errno));
    return steal_fd(&fd);
}

static int bind_any(struct server *server, const char *listen_on, struct err *err)
{
    if (strncmp(listen_on, "unix:", 5) == 0)
        return bind_unix(server, listen_on + 5, err);
    if (strncmp(listen_on, "tcp:", 4) == 0)
        return bind_tcp(listen_on + 4, err);
    return err_set(err, ERR_INVALID, "%s must be unix:PATH or tcp:ADDRESS:PORT.", EXECUTOR_ENV_LISTEN);
}

static int start(struct server *server, struct err *err)
{
    int fd = bind_any(server, server->engine->setup.listen, err);
    if (fd < 0)
        return -1;
    struct evconnlistener *listener = evconnlistener_new(
        server->engine->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!listener || !evhttp_bind_listener(server->http, listener))
        return err_internal(err, errno, "cannot listen");
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
    evhttp_set_max_body_size(server->http, WIRE_REQUEST_MAX);
    evhttp_set_max_headers_size(server->http, HEADERS_MAX);
    evhttp_set_timeout(server->http, IDLE_S);
    evhttp_set_gencb(server->http, on_request, server);
    return 0;
}

struct server *server_new(struct engine *engine, struct err *err)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server) {
        server->engine = engine;
        server->http = evhttp_new(engine->base);
    }
    if (!server || !server->http) {
        err_internal(err, errno, "out of memory");
        server_free(server);
        return NULL;
    }
    if (start(server, err) != 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    if (server->http)
        evhttp_free(server->http);
    if (server->unix_path)
        (void)unlink(server->unix_path);
    free(server->unix_path);
    free(server);
}
