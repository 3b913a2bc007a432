/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life and its client's side. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/runtime/relay.h"
#include "lib/runtime/relay_link.h"
#include "lib/util/clock.h"

enum {
    HEAD_MS = 5000,
    ANSWER_MS = 2000, /* for a refused client to leave */
};

struct link *link_new(const struct link_place *place, int fd, struct err *err)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link) {
        close(fd);
        err_internal(err, ENOMEM, "a connection to an executor");
        return NULL;
    }
    link->place = place;
    link->fd = fd;
    link->deadline_ms = clock_mono_ms() + HEAD_MS;
    link->up = link->down = STRBUF_INIT(LINK_BUFFER);
    link->ask = STRBUF_INIT(4096);
    link->answer = STRBUF_INIT(RELAY_HEAD_MAX + RELAY_BODY_MAX);
    link->said = STRBUF_INIT(LINK_SAID_MAX);
    return link;
}

void link_free(struct link *link)
{
    raw_close(link->engine);
    close(link->fd);
    strbuf_release(&link->up);
    strbuf_release(&link->down);
    strbuf_release(&link->ask);
    strbuf_release(&link->answer);
    strbuf_release(&link->said);
    free(link);
}

void link_refuse(struct link *link, int status, int64_t now_ms)
{
    static const struct {
        int status;
        const char *line, *body;
    } answers[] = {
        { 400, "400 Bad Request", "{\"error_code\":\"BAD_REQUEST\",\"description\":\"The Host header does not name a container.\"}" },
        { 502, "502 Bad Gateway", "{\"error_code\":\"UNAVAILABLE\",\"description\":\"The container engine's answer makes no sense.\"}" },
        { 503, "503 Service Unavailable", "{\"error_code\":\"UNAVAILABLE\",\"description\":\"The container engine cannot be reached.\"}" },
    };
    size_t row = 0;
    while (answers[row].status != status)
        row++;
    raw_close(steal(link->engine));
    strbuf_reset(&link->up);
    strbuf_reset(&link->down);
    strbuf_addf(&link->down, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                answers[row].line, strlen(answers[row].body), answers[row].body);
    link->state = LINK_ANSWER;
    link->deadline_ms = now_ms + ANSWER_MS;
}

bool link_client_closed(int fd)
{
    struct pollfd look = { .fd = fd };
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

bool link_read_client(struct link *link)
{
    char piece[LINK_PIECE];
    if (link->client_ended || !link_room(&link->up, sizeof(piece)))
        return false;
    ssize_t got = read(link->fd, piece, sizeof(piece));
    if (got > 0) {
        strbuf_add(&link->up, piece, (size_t)got);
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    link->client_ended = true;
    link->client_gone = got < 0 || link_client_closed(link->fd);
    return false;
}

bool link_write_client(struct link *link)
{
    if (link->client_gone)
        strbuf_reset(&link->down);
    if (link->down.len == 0)
        return false;
    ssize_t sent = send(link->fd, link->down.data, link->down.len, MSG_NOSIGNAL);
    if (sent > 0)
        strbuf_drop_front(&link->down, (size_t)sent);
    else if (errno != EAGAIN && errno != EINTR)
        link->client_gone = link->client_ended = true;
    return sent > 0;
}
