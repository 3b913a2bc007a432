/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to an easy handle of libcurl's. */
#include <string.h>
#include <sys/socket.h>

#include "lib/io/http_internal.h"
#include "lib/io/http_tls.h"
#include "lib/util/clock.h"

enum { CONNECT_TIMEOUT_DEFAULT_MS = 2000, UNIX_IDLE_S = 3000 };

static size_t take_data(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    call->last_byte_ms = clock_mono_ms();
    if (call->cancelled)
        return CURL_WRITEFUNC_ERROR;
    if (call->request.on_data && call->request.on_data(call->request.arg, data, len) != 0)
        return CURL_WRITEFUNC_ERROR;
    return len;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    struct http_call *call = arg;
    call->last_byte_ms = clock_mono_ms();
    return size * count;
}

static int add_header(struct http_call *call, const char *name, const char *value)
{
    cleanup_strbuf struct strbuf line = STRBUF_INIT(4096);
    strbuf_addf(&line, "%s%s", name, value);
    struct curl_slist *longer =
        strbuf_ok(&line) ? curl_slist_append(call->headers, strbuf_str(&line)) : NULL;
    if (!longer)
        return -1;
    call->headers = longer;
    return 0;
}

static bool expects_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static CURLcode set_body(struct http_call *call)
{
    const struct http_request *request = &call->request;
    CURL *easy = call->easy;
    CURLcode code = CURLE_OK;
    if (strcmp(request->method, "HEAD") == 0)
        code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request->body || expects_body(request->method)) {
        curl_off_t len = request->body ? (curl_off_t)request->body_len : 0;
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, len);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    return code;
}

static int set_headers(struct http_call *call)
{
    const struct http_request *request = &call->request;
    const char *type = request->content_type ? request->content_type : "application/json";
    /* waiting for "100 Continue" would cost a round trip or a second */
    if (add_header(call, "Expect:", "") != 0)
        return -1;
    if ((request->body || expects_body(request->method)) && add_header(call, "Content-Type: ", type) != 0)
        return -1;
    if (request->bearer && add_header(call, "Authorization: Bearer ", request->bearer) != 0)
        return -1;
    for (size_t i = 0; i < request->header_count; i++)
        if (add_header(call, request->headers[i], "") != 0)
            return -1;
    return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK ? 0 : -1;
}

static curl_socket_t open_guarded(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct http_call *call = arg;
    if (purpose != CURLSOCKTYPE_IPCXN || !call->request.guard->may_connect(call->request.arg, &address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A name that takes long to look up must hold up nobody: its thread is left behind. */
static CURLcode set_guard(struct http_call *call)
{
    const struct http_guard *guard = call->request.guard;
    CURL *easy = call->easy;
    if (!guard)
        return CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_guarded);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    if (code == CURLE_OK && guard->ca_file && guard->ca_file[0])
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, guard->ca_file);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") : code;
}

int http_set_up(struct http_call *call)
{
    const struct http_request *request = &call->request;
    CURL *easy = call->easy;
    long connect_ms =
        request->connect_timeout_ms ? (long)request->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    /* an executor keeps an idle connection for an hour; one through a relay is worth keeping as long */
    if (request->unix_path)
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)UNIX_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (http_tls_set(easy, &request->tls) != 0 || set_guard(call) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_path) != CURLE_OK ||
        set_body(call) != CURLE_OK)
        return -1;
    return set_headers(call);
}
