/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client for web services, on libcurl's easy interface. */
#include "lib/io/web.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "lib/util/clock.h"

struct web {
    CURL *curl;
};

/* One call under way. */
struct call {
    CURL *curl;
    const struct web_request *request;
    int64_t sent; /* bytes of the body */
    int64_t moved_ms, moved; /* when something moved last, and how many bytes had by then */
    bool silent;             /* nothing has for too long */
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* what it failed in, curl_easy_init() fails in */
}

struct web *web_new(struct err *err)
{
    struct web *web = calloc(1, sizeof(*web));
    pthread_once(&library_once, init_library);
    if (web)
        web->curl = curl_easy_init();
    if (!web || !web->curl) {
        free(web);
        err_internal(err, 0, "libcurl does not start");
        return NULL;
    }
    return web;
}

void web_free(struct web *web)
{
    if (!web)
        return;
    curl_easy_cleanup(web->curl);
    free(web);
}

static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    int64_t left = call->request->body_len - call->sent;
    size_t len = size * count;
    if ((int64_t)len > left)
        len = (size_t)left;
    if (len == 0)
        return 0;
    ssize_t got = call->request->on_body(call->request->arg, call->sent, out, len);
    if (got <= 0)
        return CURL_READFUNC_ABORT;
    call->sent += got;
    return (size_t)got;
}

/* libcurl goes back when a kept connection turns out to be closed. */
static int seek_body(void *arg, curl_off_t offset, int origin)
{
    struct call *call = arg;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    call->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t take_data(char *data, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    long status = 0;
    if (!call->request->on_data)
        return size * count;
    curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
    int result = call->request->on_data(call->request->arg, (int)status, data, size * count);
    call->moved_ms = clock_mono_ms(); /* time that we took is no silence of the server's */
    return result == 0 ? size * count : 0;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
    const struct call *call = arg;
    size_t len = size * count;
    for (size_t i = 0; i < call->request->wanted_count; i++) {
        const struct web_wanted *wanted = &call->request->wanted[i];
        size_t name = strlen(wanted->name);
        if (len <= name || line[name] != ':' || strncasecmp(line, wanted->name, name) != 0)
            continue;
        const char *from = line + name + 1, *end = line + len;
        while (from < end && (*from == ' ' || *from == '\t'))
            from++;
        while (end > from && strchr(" \t\r\n", end[-1]))
            end--;
        snprintf(wanted->value, wanted->size, "%.*s", (int)(end - from), from);
    }
    return len;
}

/* Not CURLOPT_LOW_SPEED_LIMIT: that goes by the mean of some seconds, and sees silence as late. */
static int watch_silence(void *arg, curl_off_t in_all, curl_off_t in, curl_off_t out_all, curl_off_t out)
{
    struct call *call = arg;
    int64_t now = clock_mono_ms();
    (void)in_all, (void)out_all;
    if (in + out != call->moved) {
        call->moved = in + out;
        call->moved_ms = now;
    }
    call->silent = now - call->moved_ms > call->request->silence_ms;
    return call->silent;
}

static struct curl_slist *header_list(const struct web_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* a second lost where the server knows it not */
    for (size_t i = 0; list && i < request->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(list, request->headers[i]);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static void set_limits(CURL *curl, struct call *call)
{
    const struct web_request *request = call->request;
    int64_t connect_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : 5000;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->ca_file && request->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    if (request->silence_ms > 0) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_silence);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    }
}

static void set_request(CURL *curl, struct call *call)
{
    const struct web_request *request = call->request;
    bool has_body = request->body_len > 0 || strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0;
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (has_body)
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (has_body)
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_len);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, call);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, call);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 128L * 1024);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 128L * 1024);
}

static int say_failure(const struct call *call, CURLcode code, const char *text, struct err *err)
{
    long sent = 0;
    curl_easy_getinfo(call->curl, CURLINFO_REQUEST_SIZE, &sent);
    if (call->silent) {
        err_set(err, sent ? ERR_TIMEOUT : ERR_UNAVAILABLE, "A service that is needed does not answer.");
        return err_wrap(err, "nothing moved for %lld ms", (long long)call->request->silence_ms);
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        err_set(err, sent ? ERR_TIMEOUT : ERR_UNAVAILABLE, "A service that is needed does not answer.");
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        err_set(err, ERR_UNAVAILABLE, "A service that is needed does not answer.");
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_WEIRD_SERVER_REPLY:
        err_set(err, ERR_UNCERTAIN, "The connection to a service that is needed broke.");
        break;
    default:
        return err_internal(err, 0, "%s", text);
    }
    return err_wrap(err, "%s", text);
}

int web_call(struct web *web, const struct web_request *request, int *status_out, struct err *err)
{
    struct call call = { .curl = web->curl, .request = request, .moved_ms = clock_mono_ms() };
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    for (size_t i = 0; i < request->wanted_count; i++)
        request->wanted[i].value[0] = '\0';
    struct curl_slist *headers = header_list(request);
    if (!headers)
        return err_internal(err, 0, "out of memory for headers");
    curl_easy_reset(web->curl); /* keeps the connection */
    set_limits(web->curl, &call);
    set_request(web->curl, &call);
    curl_easy_setopt(web->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(web->curl, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(web->curl);
    curl_easy_getinfo(web->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(web->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(web->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return say_failure(&call, code, why[0] ? why : curl_easy_strerror(code), err);
    *status_out = (int)status;
    return 0;
}
