/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client on libcurl's multi interface. */
#include "lib/io/http.h"

#include <string.h>

#include "lib/io/http_internal.h"
#include "lib/io/http_tls.h"
#include "lib/util/clock.h"

enum {
    IDLE_CONNECTIONS_MAX = 4096,
    SILENCE_CHECK_MS = 250, /* how exactly silence_ms is kept */
    EXTRA_MAX = 64,
};

struct http {
    CURLM *multi;
    struct http_call *calls;
    size_t active;
    bool performing; /* inside libcurl: handles may be neither added nor removed */
    bool untidy;     /* calls wait to be added or removed for that reason */
    bool fresh;      /* calls were added that libcurl has not begun with */
    int64_t silence_checked_ms;
};

struct http *http_new(struct err *err)
{
    /* counted and thread-safe since libcurl 7.84 */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_internal(err, 0, "curl_global_init failed");
        return NULL;
    }
    struct http *http = calloc(1, sizeof(*http));
    CURLM *multi = http ? curl_multi_init() : NULL;
    if (!multi) {
        free(http);
        curl_global_cleanup();
        err_internal(err, 0, "out of memory for an HTTP engine");
        return NULL;
    }
    http->multi = multi;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return http;
}

static void call_free(struct http_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call);
}

static void unlink_call(struct http_call *call)
{
    struct http *http = call->http;
    if (call->previous)
        call->previous->next = call->next;
    else
        http->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    http->active--;
}

/* Takes the call out of everything first: its on_done may start or cancel others. */
static void finish(struct http_call *call, int status, const struct err *err)
{
    if (call->added)
        curl_multi_remove_handle(call->http->multi, call->easy);
    unlink_call(call);
    if (call->request.on_done)
        call->request.on_done(call->request.arg, status, err);
    call_free(call);
}

static void finish_cancelled(struct http_call *call)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_UNCERTAIN, "The request was given up before its answer was complete.");
    finish(call, 0, &err);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (http->calls)
        finish_cancelled(http->calls);
    curl_multi_cleanup(http->multi);
    free(http);
    curl_global_cleanup();
}

size_t http_active(const struct http *http)
{
    return http->active;
}

void http_cancel(struct http *http, struct http_call *call)
{
    if (!http->performing) {
        finish_cancelled(call);
        return;
    }
    call->cancelled = true;
    http->untidy = true;
}

static int hand_over(struct http_call *call)
{
    call->added = curl_multi_add_handle(call->http->multi, call->easy) == CURLM_OK;
    call->http->fresh |= call->added;
    return call->added ? 0 : -1;
}

int http_start(struct http *http, const struct http_request *request, struct http_call **out, struct err *err)
{
    struct http_call *call = calloc(1, sizeof(*call));
    if (!call)
        return err_internal(err, 0, "out of memory for an HTTP call");
    *call = (struct http_call){ .http = http, .request = *request, .last_byte_ms = clock_mono_ms() };
    call->easy = curl_easy_init();
    /* within a callback of libcurl it is handed over once libcurl has returned */
    if (!call->easy || http_set_up(call) != 0 || (!http->performing && hand_over(call) != 0)) {
        call_free(call);
        return err_internal(err, 0, "cannot set up a call of %s %s", request->method, request->url);
    }
    call->next = http->calls;
    if (call->next)
        call->next->previous = call;
    http->calls = call;
    http->active++;
    http->untidy = http->untidy || !call->added;
    if (out)
        *out = call;
    return 0;
}

int http_status(const struct http_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

int64_t http_retry_after_s(const struct http_call *call)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds;
}

/* Nothing was sent: safe to try elsewhere. Something was: the outcome is open. */
static void explain(const struct http_call *call, CURLcode code, struct err *err)
{
    long sent = 0;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    const char *reason = call->reason[0] ? call->reason : curl_easy_strerror(code);
    if (call->request.tls.ca_file && http_tls_failed(code, reason, err))
        return;
    if (sent == 0)
        err_set(err, ERR_UNAVAILABLE, "No connection could be made.");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        err_set(err, ERR_TIMEOUT, "The answer did not come in time.");
    else
        err_set(err, ERR_UNCERTAIN, "The connection broke before the answer was complete.");
    err_wrap(err, "%s", reason);
}

static void reap(struct http *http)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_call *call = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        int status = http_status(call);
        struct err err = ERR_INIT;
        if (call->cancelled) {
            finish_cancelled(call);
        } else if (code != CURLE_OK || status == 0) {
            explain(call, code, &err);
            finish(call, 0, &err);
        } else {
            finish(call, status, NULL);
        }
    }
}

/* The first call that `due` says something about; looked for anew each time, as callbacks change the list. */
static struct http_call *find_call(struct http *http, bool (*due)(const struct http_call *, int64_t), int64_t now)
{
    for (struct http_call *call = http->calls; call; call = call->next)
        if (due(call, now))
            return call;
    return NULL;
}

static bool is_cancelled(const struct http_call *call, int64_t now)
{
    (void)now;
    return call->cancelled;
}

static bool is_deferred(const struct http_call *call, int64_t now)
{
    (void)now;
    return !call->added;
}

static bool is_silent(const struct http_call *call, int64_t now)
{
    return call->request.silence_ms > 0 && now - call->last_byte_ms >= call->request.silence_ms;
}

static void end_silent(struct http *http)
{
    int64_t now = clock_mono_ms();
    if (now - http->silence_checked_ms < SILENCE_CHECK_MS)
        return;
    http->silence_checked_ms = now;
    for (struct http_call *call; (call = find_call(http, is_silent, now));) {
        struct err err = ERR_INIT;
        snprintf(call->reason, sizeof(call->reason), "silent for %lld ms", (long long)call->request.silence_ms);
        explain(call, CURLE_OPERATION_TIMEDOUT, &err);
        finish(call, 0, &err);
    }
}

/* What callbacks asked for while libcurl was at work. */
static void tidy_up(struct http *http)
{
    if (!http->untidy)
        return;
    http->untidy = false;
    for (struct http_call *call; (call = find_call(http, is_cancelled, 0));)
        finish_cancelled(call);
    for (struct http_call *call; (call = find_call(http, is_deferred, 0));)
        if (hand_over(call) != 0) {
            struct err err = ERR_INIT;
            err_set(&err, ERR_UNAVAILABLE, "No connection could be made.");
            finish(call, 0, &err);
        }
}

static int perform(struct http *http, struct err *err)
{
    int running;
    http->fresh = false;
    http->performing = true;
    CURLMcode code = curl_multi_perform(http->multi, &running);
    http->performing = false;
    if (code != CURLM_OK)
        return err_internal(err, 0, "curl_multi_perform: %s", curl_multi_strerror(code));
    reap(http);
    tidy_up(http);
    end_silent(http);
    return 0;
}

static short to_curl(short events)
{
    return (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) | (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

static short from_curl(short events)
{
    return (short)((events & CURL_WAIT_POLLIN ? POLLIN : 0) | (events & CURL_WAIT_POLLOUT ? POLLOUT : 0));
}

static int wait_for(struct http *http, struct pollfd *extra, unsigned count, int timeout_ms, struct err *err)
{
    struct curl_waitfd fds[EXTRA_MAX];
    if (count > EXTRA_MAX)
        return err_internal(err, 0, "http_run: more than %d extra descriptors", EXTRA_MAX);
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct curl_waitfd){ .fd = extra[i].fd, .events = to_curl(extra[i].events) };
    CURLMcode code = curl_multi_poll(http->multi, fds, count, timeout_ms, NULL);
    if (code != CURLM_OK)
        return err_internal(err, 0, "curl_multi_poll: %s", curl_multi_strerror(code));
    for (unsigned i = 0; i < count; i++)
        extra[i].revents = from_curl(fds[i].revents);
    return 0;
}

int http_run(struct http *http, struct pollfd *extra, unsigned extra_count, int timeout_ms, struct err *err)
{
    size_t before = http->active;
    /* it looks at every call: a second time in a turn only to begin those that are new */
    if (http->fresh && perform(http, err) != 0)
        return -1;
    /* what ended just now may be all that the caller waits for */
    if (http->active != before)
        timeout_ms = 0;
    else if (http->active > 0 && (timeout_ms < 0 || timeout_ms > SILENCE_CHECK_MS))
        timeout_ms = SILENCE_CHECK_MS;
    if (wait_for(http, extra, extra_count, timeout_ms, err) != 0)
        return -1;
    return perform(http, err);
}
