/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that cost little: each sends one request again and again on its own kept connection, all from one thread.
 *
 *     http_load PORT SECONDS COUNT <clients
 *
 * ends after SECONDS, or after COUNT answers (0: no bound); what is under way then is waited for. On standard input, for each client, a line
 * `GROUP PAUSE_MS STATUS TEXT_LENGTH REQUEST_LENGTH`, and right after it TEXT, which a right answer has in it, and the request. With a pause
 * the client sends so many milliseconds after it last sent, or when the answer came, if that is later.
 *
 * On standard output a line `GROUP MICROSECONDS` for each right answer; `wrong GROUP COUNT FIRST-ANSWER`; last `end ELAPSED_US CPU_US`. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 2048, GROUPS_MAX = 64, TEXT_MAX_BYTES = 256, REQUEST_MAX = 65536, ANSWER_MAX = 65536, ANSWER_LIMIT_MS = 60000 };

struct client {
    int fd, group, pause_ms, status;
    size_t request_len, sent, got;
    char text[TEXT_MAX_BYTES], *request, answer[ANSWER_MAX + 1];
    int64_t began_us; /* when it was sent; 0: none is under way */
    int64_t due_us;   /* when to send next */
};

struct load {
    int port, epoll, count;
    struct client *clients;
    int64_t start_us, end_us, answers, wanted;
    int64_t wrong[GROUPS_MAX];
    char first_wrong[GROUPS_MAX][400];
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fail(const char *what)
{
    fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void read_whole(char *to, size_t len)
{
    if (fread(to, 1, len, stdin) != len)
        fail("standard input is cut off");
}

static void read_clients(struct load *load)
{
    size_t text_len;
    load->clients = calloc(CLIENTS_MAX, sizeof(*load->clients));
    if (!load->clients)
        fail("memory");
    for (struct client *client = load->clients; load->count < CLIENTS_MAX; client++, load->count++) {
        int found = scanf("%d %d %d %zu %zu", &client->group, &client->pause_ms, &client->status, &text_len, &client->request_len);
        if (found == EOF)
            return;
        if (found != 5 || getchar() != '\n' || client->group < 0 || client->group >= GROUPS_MAX || text_len >= TEXT_MAX_BYTES ||
            client->request_len > REQUEST_MAX)
            fail("a client is not described as it should be");
        read_whole(client->text, text_len);
        client->request = malloc(client->request_len);
        if (!client->request)
            fail("memory");
        read_whole(client->request, client->request_len);
    }
}

static void open_client(struct load *load, struct client *client)
{
    const struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)load->port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
        fail("connect");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        fail("epoll_ctl");
}

/* Requests are small: a socket whose last one was answered takes a whole one. */
static void send_request(struct client *client)
{
    client->got = 0;
    client->began_us = now_us();
    client->due_us = client->began_us + (int64_t)client->pause_ms * 1000;
    if (send(client->fd, client->request, client->request_len, MSG_NOSIGNAL) != (ssize_t)client->request_len)
        fail("send");
}

/* Whether the answer is there as a whole. */
static int complete(const struct client *client)
{
    const char *end = strstr(client->answer, "\r\n\r\n"), *line = client->answer;
    if (!end)
        return 0;
    while ((line = strstr(line, "\r\n")) != NULL && line < end) {
        line += 2;
        if (strncasecmp(line, "content-length:", 15) == 0)
            return client->got - (size_t)(end + 4 - client->answer) >= strtoul(line + 15, NULL, 10);
    }
    return atoi(client->answer + 9) == 204;
}

static void judge(struct load *load, struct client *client)
{
    int64_t took = now_us() - client->began_us;
    load->answers++;
    client->began_us = 0;
    if (atoi(client->answer + 9) == client->status && strstr(client->answer, client->text)) {
        printf("%d %lld\n", client->group, (long long)took);
        return;
    }
    if (load->wrong[client->group]++ == 0) {
        char *first = load->first_wrong[client->group];
        snprintf(first, sizeof(load->first_wrong[0]), "%.399s", client->answer);
        for (char *c = first; *c; c++)
            *c = *c == '\r' || *c == '\n' ? ' ' : *c;
    }
}

static void receive(struct load *load, struct client *client)
{
    ssize_t got = recv(client->fd, client->answer + client->got, ANSWER_MAX - client->got, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        client->got += (size_t)got;
    client->answer[client->got] = '\0';
    if (got > 0 && client->got < ANSWER_MAX && !complete(client))
        return;
    if (client->began_us != 0)
        judge(load, client);
    if (got <= 0 || client->got == ANSWER_MAX) { /* closed by the other side, between answers, too */
        close(client->fd);
        open_client(load, client);
    }
}

static int over(const struct load *load, int64_t now)
{
    return now >= load->end_us || (load->wanted > 0 && load->answers >= load->wanted);
}

/* Sends what is due. How long nothing will be, in milliseconds; -1: all is over. */
static int send_due(struct load *load)
{
    int64_t now = now_us(), next = INT64_MAX;
    int open = 0;
    for (int i = 0; i < load->count; i++) {
        struct client *client = &load->clients[i];
        if (client->began_us == 0 && !over(load, now) && client->due_us <= now)
            send_request(client);
        if (client->began_us != 0) {
            open++;
            if (now - client->began_us > (int64_t)ANSWER_LIMIT_MS * 1000)
                fail("no answer within a minute");
        } else if (!over(load, now) && client->due_us < next)
            next = client->due_us;
    }
    if (over(load, now))
        return open > 0 ? 1000 : -1;
    return next == INT64_MAX ? 1000 : (int)((next - now) / 1000 + 1);
}

static void run(struct load *load)
{
    struct epoll_event events[64];
    for (int wait; (wait = send_due(load)) >= 0;) {
        int count = epoll_wait(load->epoll, events, 64, wait);
        for (int i = 0; i < count; i++)
            receive(load, events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    struct rusage used;
    if (argc != 4)
        return 64;
    load.port = atoi(argv[1]);
    load.wanted = atoll(argv[3]);
    read_clients(&load);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < load.count; i++)
        open_client(&load, &load.clients[i]);
    load.start_us = now_us();
    load.end_us = load.start_us + (int64_t)(atof(argv[2]) * 1e6);
    run(&load);
    int64_t elapsed = now_us() - load.start_us;
    getrusage(RUSAGE_SELF, &used);
    for (int i = 0; i < GROUPS_MAX; i++)
        if (load.wrong[i] > 0)
            printf("wrong %d %lld %s\n", i, (long long)load.wrong[i], load.first_wrong[i]);
    printf("end %lld %lld\n", (long long)elapsed,
           (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return EXIT_SUCCESS;
}
