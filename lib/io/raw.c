/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl connects (CURLOPT_CONNECT_ONLY) and then only moves bytes. */
#include "lib/io/raw.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "lib/io/http_tls.h"

enum { CONNECT_TIMEOUT_MS = 2000, KEEPALIVE_S = 15, NOBODY_S = 5 };

struct raw {
    struct raw_set *set;
    CURL *easy;
    enum raw_state state;
    int fd;
    bool tls;
    struct err problem;
    char reason[CURL_ERROR_SIZE];
};

struct raw_set {
    CURLM *multi;
    size_t connecting;
};

struct raw_set *raw_set_new(struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_internal(err, 0, "curl_global_init failed");
        return NULL;
    }
    struct raw_set *set = calloc(1, sizeof(*set));
    CURLM *multi = set ? curl_multi_init() : NULL;
    if (!multi) {
        free(set);
        curl_global_cleanup();
        err_internal(err, 0, "out of memory for connections");
        return NULL;
    }
    set->multi = multi;
    return set;
}

void raw_set_free(struct raw_set *set)
{
    if (!set)
        return;
    curl_multi_cleanup(set->multi);
    free(set);
    curl_global_cleanup();
}

void raw_set_wake(struct raw_set *set)
{
    curl_multi_wakeup(set->multi);
}

static int set_up(struct raw *raw, const struct http_request *where)
{
    CURL *easy = raw->easy;
    long connect_ms = where->connect_timeout_ms ? (long)where->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, raw);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, raw->reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    /* a host that vanishes says nothing */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)NOBODY_S);
    return http_tls_set(easy, &where->tls) == 0 && curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_URL, where->url) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, where->unix_path) == CURLE_OK
               ? 0
               : -1;
}

struct raw *raw_open(struct raw_set *set, const struct http_request *where, struct err *err)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    if (!raw) {
        err_internal(err, ENOMEM, "a connection");
        return NULL;
    }
    *raw = (struct raw){ .set = set, .easy = curl_easy_init(), .state = RAW_CONNECTING, .fd = -1, .tls = where->tls.ca_file != NULL };
    if (!raw->easy || set_up(raw, where) != 0 || curl_multi_add_handle(set->multi, raw->easy) != CURLM_OK) {
        curl_easy_cleanup(raw->easy);
        free(raw);
        err_internal(err, 0, "cannot set up a connection to %s", where->url);
        return NULL;
    }
    set->connecting++;
    return raw;
}

void raw_close(struct raw *raw)
{
    if (!raw)
        return;
    if (raw->state == RAW_CONNECTING)
        raw->set->connecting--;
    curl_multi_remove_handle(raw->set->multi, raw->easy);
    curl_easy_cleanup(raw->easy);
    free(raw);
}

enum raw_state raw_state(const struct raw *raw)
{
    return raw->state;
}

const struct err *raw_problem(const struct raw *raw)
{
    return &raw->problem;
}

int raw_fd(const struct raw *raw)
{
    return raw->fd;
}

static void explain(struct raw *raw, CURLcode code)
{
    const char *reason = raw->reason[0] ? raw->reason : curl_easy_strerror(code);
    if (raw->tls && http_tls_failed(code, reason, &raw->problem))
        return;
    err_set(&raw->problem, ERR_UNAVAILABLE, raw->state == RAW_OPEN ? "The connection broke." : "No connection could be made.");
    err_wrap(&raw->problem, "%s", reason);
}

static void connected(struct raw *raw, CURLcode code)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    raw->set->connecting--;
    if (code == CURLE_OK)
        code = curl_easy_getinfo(raw->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (code == CURLE_OK && fd == CURL_SOCKET_BAD)
        code = CURLE_COULDNT_CONNECT;
    if (code != CURLE_OK)
        explain(raw, code);
    raw->fd = code == CURLE_OK ? fd : -1;
    raw->state = code == CURLE_OK ? RAW_OPEN : RAW_FAILED;
}

static int perform(struct raw_set *set, struct err *err)
{
    int count;
    if (set->connecting == 0)
        return 0;
    CURLMcode code = curl_multi_perform(set->multi, &count);
    if (code != CURLM_OK)
        return err_internal(err, 0, "curl_multi_perform: %s", curl_multi_strerror(code));
    for (CURLMsg *message; (message = curl_multi_info_read(set->multi, &count));) {
        struct raw *raw = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&raw);
        if (message->msg == CURLMSG_DONE && raw->state == RAW_CONNECTING)
            connected(raw, message->data.result);
    }
    return 0;
}

int raw_set_wait(struct raw_set *set, struct pollfd *fds, unsigned count, int timeout_ms, struct err *err)
{
    size_t before = set->connecting;
    struct curl_waitfd *waits = calloc(count + 1, sizeof(*waits));
    if (!waits)
        return err_internal(err, ENOMEM, "waiting for connections");
    unsigned used = 0;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].fd >= 0)
            waits[used++] = (struct curl_waitfd){ .fd = fds[i].fd, .events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                                                                   (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)) };
    int status = perform(set, err);
    CURLMcode code = CURLM_OK;
    if (status == 0)
        code = curl_multi_poll(set->multi, waits, used, set->connecting == before ? timeout_ms : 0, NULL);
    used = 0;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].fd >= 0) {
            short seen = waits[used++].revents;
            fds[i].revents = (short)((seen & CURL_WAIT_POLLIN ? POLLIN : 0) | (seen & CURL_WAIT_POLLOUT ? POLLOUT : 0));
        }
    free(waits);
    if (code != CURLM_OK)
        return err_internal(err, 0, "curl_multi_poll: %s", curl_multi_strerror(code));
    return status == 0 ? perform(set, err) : -1;
}

static ssize_t moved(struct raw *raw, CURLcode code, size_t count)
{
    if (code == CURLE_OK)
        return (ssize_t)count;
    if (code == CURLE_AGAIN)
        return RAW_AGAIN;
    explain(raw, code);
    return RAW_BROKEN;
}

ssize_t raw_read(struct raw *raw, char *data, size_t size)
{
    size_t count = 0;
    CURLcode code = curl_easy_recv(raw->easy, data, size, &count);
    return moved(raw, code, count);
}

ssize_t raw_write(struct raw *raw, const char *data, size_t len)
{
    size_t count = 0;
    CURLcode code = curl_easy_send(raw->easy, data, len, &count);
    return code == CURLE_OK && count == 0 ? RAW_AGAIN : moved(raw, code, count);
}
