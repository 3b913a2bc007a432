/* SPDX-License-Identifier: Apache-2.0 */
/* One call to S3: signed, sent, its refusals told apart, and repeated where that may help. */
#include "lib/storage/s3.h"

#include <string.h>
#include <time.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { URL_MAX = 16 * 1024, HEADERS_MAX = 12, WAIT_FIRST_MS = 200, NAME_MAX_LEN = 1024 };

/* One attempt. */
struct attempt {
    struct s3 *s3;
    const struct s3_call *call;
    struct s3_answer *answer;
    struct strbuf refusal; /* body of an answer other than 2xx */
    struct err stop_err;
};

void s3_answer_release(struct s3_answer *answer)
{
    strbuf_release(&answer->body);
}

void s3_name(const struct s3 *s3, const char *key, struct strbuf *out)
{
    const char *prefix = s3->settings->s3_prefix;
    strbuf_addf(out, "%s%s%s", prefix, prefix[0] ? "/" : "", key);
}

void s3_path(const struct s3 *s3, const char *key, struct strbuf *out)
{
    cleanup_strbuf struct strbuf name = STRBUF_INIT(NAME_MAX_LEN);
    strbuf_add_str(out, strbuf_str(&s3->base));
    if (key) {
        s3_name(s3, key, &name);
        strbuf_add_char(out, '/');
        s3_encode(out, strbuf_str(&name), true);
    } else if (s3->base.len == 0) {
        strbuf_add_char(out, '/');
    }
}

/* A random number of [half, whole]: many that fail at once must not come back at once. */
static int64_t jittered(int64_t whole)
{
    char random[9];
    id_hex(random, 8);
    return whole / 2 + (int64_t)(strtoul(random, NULL, 16) % (unsigned long)(whole / 2 + 1));
}

bool s3_retry_wait(struct s3_retry *retry)
{
    int64_t now = clock_mono_ms();
    if (retry->done++ == 0)
        retry->since_ms = now;
    int64_t wait = jittered((int64_t)WAIT_FIRST_MS << (retry->done < 6 ? retry->done - 1 : 5));
    if (retry->done >= retry->tries || now + wait > retry->since_ms + retry->limit_ms)
        return false;
    struct timespec time = { .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000 };
    nanosleep(&time, NULL);
    return true;
}

static ssize_t give_body(void *arg, int64_t offset, char *out, size_t len)
{
    const struct s3_body *body = ((struct attempt *)arg)->call->body;
    if (!body->data)
        return pread(body->fd, out, len, offset);
    memcpy(out, body->data + offset, len);
    return (ssize_t)len;
}

static int take_data(void *arg, int status, const char *data, size_t len)
{
    struct attempt *attempt = arg;
    if (status / 100 != 2) {
        strbuf_add(&attempt->refusal, data, len); /* what is too long is no XML of S3 */
        return 0;
    }
    if (attempt->call->on_data) {
        attempt->answer->stopped = attempt->call->on_data(attempt->call->arg, data, len, &attempt->stop_err) != 0;
        return attempt->answer->stopped ? -1 : 0;
    }
    strbuf_add(&attempt->answer->body, data, len);
    return strbuf_ok(&attempt->answer->body) ? 0 : -1;
}

/* "Name: value" of each pair, and the signature. */
static int write_headers(const struct s3_to_sign *request, const struct s3 *s3, struct strbuf lines[HEADERS_MAX],
                         const char *out[HEADERS_MAX], struct err *err)
{
    size_t count = request->header_count;
    strbuf_add_str(&lines[count], "Authorization: ");
    if (s3_sign(request, &s3->credentials, &lines[count], err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&lines[i], "%s: %s", request->headers[i].name, request->headers[i].value);
    for (size_t i = 0; i <= count; i++) {
        if (!strbuf_ok(&lines[i]))
            return err_internal(err, 0, "a header of a request to S3 is too long");
        out[i] = strbuf_str(&lines[i]);
    }
    return 0;
}

static int send_signed(struct attempt *attempt, struct s3_to_sign *request, const char *url, struct err *err)
{
    const struct s3_call *call = attempt->call;
    struct s3 *s3 = attempt->s3;
    struct strbuf lines[HEADERS_MAX];
    const char *headers[HEADERS_MAX];
    for (size_t i = 0; i < HEADERS_MAX; i++)
        lines[i] = STRBUF_INIT(4096);
    int status = write_headers(request, s3, lines, headers, err);
    if (status == 0) {
        const struct web_request web = {
            .method = call->method, .url = url, .headers = headers, .header_count = request->header_count + 1,
            .body_len = call->body ? call->body->len : 0, .on_body = give_body, .on_data = take_data, .arg = attempt,
            .wanted = call->wanted, .wanted_count = call->wanted_count, .silence_ms = s3->settings->s3_timeout_ms,
            .connect_timeout_ms = s3->settings->s3_timeout_ms / 2, .ca_file = s3->settings->s3_ca_file,
        };
        status = web_call(s3->web, &web, &attempt->answer->status, err);
    }
    for (size_t i = 0; i < HEADERS_MAX; i++)
        strbuf_release(&lines[i]);
    return status;
}

/* Puts the request together and sends it: the date is that of this attempt. */
static int send_once(struct attempt *attempt, struct err *err)
{
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; /* SHA-256 of nothing */
    const struct s3_call *call = attempt->call;
    struct s3 *s3 = attempt->s3;
    cleanup_strbuf struct strbuf path = STRBUF_INIT(URL_MAX), url = STRBUF_INIT(URL_MAX);
    const char *host = strstr(strbuf_str(&s3->address), "://") + 3, *payload = call->body ? call->body->sha256 : empty;
    struct s3_pair headers[HEADERS_MAX];
    char date[S3_DATE_SIZE];
    int64_t now_s = clock_wall_ms() / 1000;
    s3_date(now_s, date);
    s3_path(s3, call->key, &path);
    strbuf_addf(&url, "%s%s%s", strbuf_str(&s3->address), strbuf_str(&path), call->query_count ? "?" : "");
    if (s3_query(call->query, call->query_count, &url, err) != 0 || !strbuf_ok(&path) || call->header_count + 4 > HEADERS_MAX)
        return err_internal(err, 0, "a request to S3 that is too long");
    size_t count = 0;
    headers[count++] = (struct s3_pair){ "host", host };
    headers[count++] = (struct s3_pair){ "x-amz-content-sha256", payload };
    headers[count++] = (struct s3_pair){ "x-amz-date", date };
    for (size_t i = 0; i < call->header_count; i++)
        headers[count++] = call->headers[i];
    struct s3_to_sign request = { .method = call->method, .path = strbuf_str(&path), .query = call->query, .now_s = now_s,
                                  .query_count = call->query_count, .headers = headers, .header_count = count, .payload = payload };
    return send_signed(attempt, &request, strbuf_str(&url), err);
}

static int no_answer(struct err *err, const char *why)
{
    err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
    return err_wrap(err, "%s", why);
}

/* Refusals that another attempt may not meet. */
static bool is_passing(int status, const char *code)
{
    return (status >= 500 && status != 501) || status == 429 || status == 408 || status == 409 || strcmp(code, "RequestTimeout") == 0;
}

static int say_refusal(const struct attempt *attempt, struct err *err)
{
    const struct s3_answer *answer = attempt->answer;
    const struct s3_call *call = attempt->call;
    if (is_passing(answer->status, answer->error.code))
        err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
    else if (answer->status == 404 && call->key && strcmp(answer->error.code, "NoSuchBucket") != 0)
        err_set(err, ERR_FILE_NOT_FOUND, "The storage has no such file.");
    else
        err_internal(err, 0, "%s", answer->error.message);
    return err_wrap(err, "S3: %s %s%s%s: %d %s", call->method, attempt->s3->settings->s3_bucket, call->key ? "/" : "",
                    call->key ? call->key : "", answer->status, answer->error.code);
}

static int one_attempt(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer, struct err *err)
{
    struct attempt attempt = { .s3 = s3, .call = call, .answer = answer, .refusal = STRBUF_INIT(64 * 1024) };
    strbuf_reset(&answer->body);
    answer->error = (struct s3_document){ .root = "" };
    answer->status = 0;
    answer->attempts++;
    int status = send_once(&attempt, err);
    if (answer->stopped) {
        *err = attempt.stop_err;
    } else if (status != 0 && err->code != ERR_INTERNAL) {
        char why[sizeof(err->detail)];
        snprintf(why, sizeof(why), "S3: %s: %s", call->method, err->detail);
        no_answer(err, why);
    } else if (status == 0 && answer->status / 100 != 2) {
        struct err ignored = ERR_INIT;
        (void)!s3_xml_read(strbuf_str(&attempt.refusal), attempt.refusal.len, &answer->error, NULL, NULL, &ignored);
        status = say_refusal(&attempt, err);
    }
    strbuf_release(&attempt.refusal);
    return status;
}

int s3_call(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer, struct err *err)
{
    struct s3_retry retry = { .tries = call->tries ? call->tries : S3_TRIES, .limit_ms = s3->settings->s3_timeout_ms };
    answer->attempts = 0;
    answer->stopped = false;
    do {
        if (one_attempt(s3, call, answer, err) == 0)
            return 0;
    } while (err->code == ERR_UNAVAILABLE && !answer->stopped && s3_retry_wait(&retry));
    return -1;
}
