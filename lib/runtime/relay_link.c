/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a connection, and bytes through it. */
#include "lib/runtime/relay_link.h"

#include <stdio.h>
#include <string.h>

#include "lib/runtime/docker_body.h"
#include "lib/runtime/relay.h"
#include "lib/util/clock.h"

enum {
    ROUNDS = 8, /* of one step, so that others get their turn */
    ENGINE_MS = 10000,  /* from a connection's begin to the executor */
    QUIET_MS = 30000,   /* of an executor whose client sends no more; it would have sent a heartbeat */
};

static void leave(struct link *link)
{
    link->state = LINK_CLOSED;
}

static void on_text(void *arg, int stream, const char *text, size_t len, bool end)
{
    struct link *link = arg;
    (void)end;
    if (stream == 1)
        strbuf_add(&link->down, text, len);
    else if (stream == 2)
        strbuf_add(&link->said, text, link_room(&link->said, len) ? len : link->said.max - link->said.len);
}

static void fail(struct link *link, int status, const struct err *err, int64_t now_ms)
{
    link->problem = *err;
    link_refuse(link, status, now_ms);
}

static void fail_senseless(struct link *link, const char *what, int64_t now_ms)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_UNAVAILABLE, "The container engine's answer makes no sense.");
    err_wrap(&err, "%s: %.200s", what, strbuf_str(&link->answer));
    fail(link, 502, &err, now_ms);
}

/* `buffer` out to the engine; false: broken. */
static bool write_engine(struct link *link, struct strbuf *buffer, bool *moved)
{
    if (buffer->len == 0)
        return true;
    ssize_t sent = raw_write(link->engine, buffer->data, buffer->len);
    if (sent == RAW_BROKEN)
        return false;
    if (sent > 0) {
        strbuf_drop_front(buffer, (size_t)sent);
        *moved = true;
    }
    return true;
}

static void connect_engine(struct link *link, int64_t now_ms)
{
    char url[DOCKER_URL_SIZE];
    struct err err = ERR_INIT;
    struct http_request where = { .connect_timeout_ms = ENGINE_MS / 2 };
    docker_target_aim(link->place->target, "/", url, &where);
    link->engine = raw_open(link->place->set, &where, &err);
    link->deadline_ms = now_ms + ENGINE_MS;
    link->state = LINK_CONNECT;
    if (!link->engine)
        fail(link, 503, &err, now_ms);
}

static void await_client(struct link *link, int64_t now_ms)
{
    enum relay_read head = relay_read_host(strbuf_str(&link->up), link->up.len, link->id);
    if (head == RELAY_READ_DONE)
        connect_engine(link, now_ms);
    else if (link->client_ended)
        leave(link);
    else if (head == RELAY_READ_BAD || link->up.len >= RELAY_HEAD_MAX || now_ms >= link->deadline_ms)
        link_refuse(link, 400, now_ms);
}

static void ask_engine(struct link *link, const char *upgrade, const char *path, const char *id, const char *tail, const char *body)
{
    strbuf_reset(&link->ask);
    strbuf_reset(&link->answer);
    /* without a version: each engine has had these calls as they are, and may have given up any version */
    strbuf_addf(&link->ask, "POST /%s/%s%s/%s HTTP/1.1\r\nHost: docker\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                path, path[0] == 'c' ? "sandbox-" : "", id, tail, upgrade, strlen(body), body);
}

static void await_connection(struct link *link, int64_t now_ms)
{
    cleanup_json struct json_object *body = NULL;
    struct err err = ERR_INIT;
    if (raw_state(link->engine) == RAW_CONNECTING)
        return;
    if (raw_state(link->engine) == RAW_FAILED) {
        fail(link, 503, raw_problem(link->engine), now_ms);
    } else if (docker_connect_body(&body, &err) != 0) {
        fail(link, 503, &err, now_ms);
    } else {
        ask_engine(link, "", "containers", link->id, "exec", json_text(body));
        link->state = LINK_CREATE;
    }
}

/* Talks with the engine itself: `out` when its answer's head is here, and its body unless the connection is now a stream. */
static enum relay_read converse(struct link *link, struct relay_answer *out, int64_t now_ms)
{
    char piece[LINK_PIECE];
    bool moved = false;
    ssize_t got = RAW_AGAIN;
    if (write_engine(link, &link->ask, &moved))
        got = raw_read(link->engine, piece, link->answer.max - link->answer.len < sizeof(piece) ? link->answer.max - link->answer.len : sizeof(piece));
    else
        got = RAW_BROKEN;
    if (got > 0)
        strbuf_add(&link->answer, piece, (size_t)got);
    enum relay_read read = relay_read_answer(strbuf_str(&link->answer), link->answer.len, out);
    bool upgraded = out->status == 101 || (link->state == LINK_START && out->status == 200);
    if (read == RELAY_READ_DONE && !upgraded && link->answer.len < out->head_len + out->body_len)
        read = RELAY_READ_MORE;
    if (read == RELAY_READ_MORE && (got == 0 || got == RAW_BROKEN)) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_UNAVAILABLE, "The container engine broke off its answer.");
        fail(link, 503, got == RAW_BROKEN ? raw_problem(link->engine) : &err, now_ms);
    } else if (read == RELAY_READ_BAD || (read == RELAY_READ_MORE && link->answer.len == link->answer.max)) {
        fail_senseless(link, "no answer of HTTP", now_ms);
    }
    link->more = link->more || got > 0;
    return read;
}

/* The engine does not have it, or it does not run: what a client of its executor would find is a closed door. */
static bool is_gone(int status)
{
    return status == 404 || status == 409;
}

static void refused_by_engine(struct link *link, int status, int64_t now_ms)
{
    struct err err = ERR_INIT;
    if (is_gone(status)) {
        leave(link);
        return;
    }
    err_set(&err, ERR_UNAVAILABLE, "The container engine could not start a way to the executor.");
    err_wrap(&err, "status %d: %.300s", status, strbuf_str(&link->answer));
    fail(link, 503, &err, now_ms);
}

static void await_exec(struct link *link, int64_t now_ms)
{
    struct relay_answer answer = { 0 };
    char exec[RELAY_EXEC_SIZE];
    if (converse(link, &answer, now_ms) != RELAY_READ_DONE || link->state != LINK_CREATE)
        return;
    if (answer.status != 201) {
        refused_by_engine(link, answer.status, now_ms);
    } else if (relay_read_exec(link->answer.data + answer.head_len, answer.body_len, exec) != 0) {
        fail_senseless(link, "no exec", now_ms);
    } else {
        ask_engine(link, "Connection: Upgrade\r\nUpgrade: tcp\r\n", "exec", exec, "start", "{\"Detach\":false,\"Tty\":false}");
        link->state = LINK_START;
    }
}

static void await_start(struct link *link, int64_t now_ms)
{
    struct relay_answer answer = { 0 };
    if (converse(link, &answer, now_ms) != RELAY_READ_DONE || link->state != LINK_START)
        return;
    if (answer.status != 101 && answer.status != 200) {
        refused_by_engine(link, answer.status, now_ms);
        return;
    }
    link->frames = (struct docker_frames){ .on_text = on_text, .arg = link };
    link->state = LINK_STREAM;
    link->deadline_ms = 0;
    link->moved_ms = now_ms;
    if (!docker_frames_feed(&link->frames, link->answer.data + answer.head_len, link->answer.len - answer.head_len))
        leave(link);
    strbuf_release(&link->answer);
}

static bool read_engine(struct link *link, int64_t now_ms)
{
    char piece[LINK_PIECE];
    if (link->engine_ended || !link_room(&link->down, sizeof(piece)))
        return false;
    ssize_t got = raw_read(link->engine, piece, sizeof(piece));
    if (got == RAW_AGAIN)
        return false;
    if (got <= 0 || !docker_frames_feed(&link->frames, piece, (size_t)got))
        link->engine_ended = true;
    if (link->client_ended)
        link->deadline_ms = now_ms + QUIET_MS;
    return got > 0;
}

/* What does not begin like an answer of HTTP is what the engine says when it could not start the command (a container full of processes). */
static bool check_begin(struct link *link, int64_t now_ms)
{
    static const char begin[] = "HTTP/";
    struct err err = ERR_INIT;
    size_t len = link->down.len < sizeof(begin) - 1 ? link->down.len : sizeof(begin) - 1;
    if (link->heard || len == 0)
        return true;
    if (memcmp(link->down.data, begin, len) != 0) {
        err_set(&err, ERR_UNAVAILABLE, "The container engine could not start a way to the executor.");
        err_wrap(&err, "%.300s", strbuf_str(&link->down));
        fail(link, 503, &err, now_ms);
        return false;
    }
    link->heard = len == sizeof(begin) - 1;
    return true;
}

static void stream(struct link *link, int64_t now_ms)
{
    bool moved = true;
    for (int i = 0; i < ROUNDS && moved; i++) {
        moved = link_read_client(link);
        if (!link->engine_ended && !write_engine(link, &link->up, &moved))
            link->engine_ended = true;
        moved = read_engine(link, now_ms) || moved;
        if (!check_begin(link, now_ms))
            return;
        moved = (link->heard && link_write_client(link)) || moved;
        link->moved_ms = moved ? now_ms : link->moved_ms;
    }
    link->more = moved;
    if (link->client_ended && !link->client_gone)
        link->client_gone = link_client_closed(link->fd);
    if (link->client_ended && link->deadline_ms == 0)
        link->deadline_ms = now_ms + QUIET_MS;
    if ((link->engine_ended && (link->down.len == 0 || !link->heard)) || (link->client_gone && (link->up.len == 0 || link->engine_ended)) ||
        (link->deadline_ms > 0 && now_ms >= link->deadline_ms))
        leave(link);
}

/* What else the client sends is thrown away: closed with bytes unread, it might never see its answer. */
static void await_leaving(struct link *link, int64_t now_ms)
{
    link_write_client(link);
    for (int i = 0; i < ROUNDS && link_read_client(link); i++)
        strbuf_reset(&link->up);
    if ((link->client_ended && link->down.len == 0) || link->client_gone || now_ms >= link->deadline_ms)
        leave(link);
}

static void run_state(struct link *link, int64_t now_ms)
{
    static void (*const states[])(struct link *, int64_t) = {
        [LINK_HEAD] = await_client, [LINK_CONNECT] = await_connection, [LINK_CREATE] = await_exec,
        [LINK_START] = await_start, [LINK_STREAM] = stream,            [LINK_ANSWER] = await_leaving,
    };
    states[link->state](link, now_ms);
}

static bool before_stream(const struct link *link)
{
    return link->state == LINK_CONNECT || link->state == LINK_CREATE || link->state == LINK_START;
}

void link_step(struct link *link, int64_t now_ms)
{
    enum link_state before;
    link->more = false;
    do {
        before = link->state;
        if (before < LINK_STREAM)
            link_read_client(link);
        if (before_stream(link) && link->client_gone)
            leave(link);
        else if (before_stream(link) && now_ms >= link->deadline_ms) {
            struct err err = ERR_INIT;
            err_set(&err, ERR_UNAVAILABLE, "The container engine did not answer in time.");
            fail(link, 503, &err, now_ms);
        } else {
            run_state(link, now_ms);
        }
    } while (link->state != before && link->state != LINK_CLOSED);
    if (link->state == LINK_CLOSED && link->said.len > 0) {
        err_set(&link->problem, ERR_UNAVAILABLE, "The way to the executor ended.");
        err_wrap(&link->problem, "%s", strbuf_str(&link->said));
    }
}

void link_interest(const struct link *link, struct pollfd *fds)
{
    bool to_client = link->down.len > 0, from_client = !link->client_ended && (link->state == LINK_ANSWER || link_room(&link->up, LINK_PIECE));
    fds[0] = (struct pollfd){ .fd = -1, .events = (short)((from_client ? POLLIN : 0) | (to_client ? POLLOUT : 0)) };
    fds[1] = (struct pollfd){ .fd = -1 };
    if (fds[0].events)
        fds[0].fd = link->fd;
    if (!link->engine || link->state < LINK_CREATE || link->state > LINK_STREAM || link->engine_ended)
        return;
    bool to_engine = link->state == LINK_STREAM ? link->up.len > 0 : link->ask.len > 0;
    bool from_engine = link->state != LINK_STREAM || link_room(&link->down, LINK_PIECE);
    fds[1].events = (short)((from_engine ? POLLIN : 0) | (to_engine ? POLLOUT : 0));
    if (fds[1].events)
        fds[1].fd = raw_fd(link->engine);
}
