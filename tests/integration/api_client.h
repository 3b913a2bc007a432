/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the API in this process: through request, router, guard and handlers, without a web server. */
#ifndef SANDBOX_TESTS_API_CLIENT_H
#define SANDBOX_TESTS_API_CLIENT_H

#include "fcgi/serve.h"
#include "lib/util/json.h"

struct answer {
    int status;
    char *headers; /* with their newlines */
    struct json_object *body; /* NULL: none, or text */
    char *text;               /* a body that is not JSON; NULL otherwise */
};

/* A worker's world, as one thread has it. */
struct client {
    struct context context;
    struct wait_room room;
    struct metrics *http_metrics; /* NULL: requests are not counted */
    char token[64]; /* "" for none */
    const char *content_type; /* of bodies; NULL: JSON */
    bool broken;              /* the connection breaks where a body ends */
    const char *param; /* one more FastCGI parameter of each request: "HTTP_IDEMPOTENCY_KEY=x"; or NULL */
};

/* A client of `owner` with these scopes ("sessions,templates"); `seats` may wait. Uses the fixture's settings and a connection of its own. */
struct client *client_new(const char *owner, const char *scopes, int seats);
void client_free(struct client *client);

/* `body` NULL: none; else JSON, or of the client's content type. The answer must be released. */
struct answer client_call(struct client *client, const char *method, const char *uri, const char *body);
void answer_release(struct answer *answer);

/* Like client_call(), and checks the status; only the body is kept. */
struct json_object *client_json(struct client *client, const char *method, const char *uri, const char *body,
                                int status);
/* Like client_json() with 200, while somebody plays the dispatcher: the next execution that may run ends as completed, with what `end` says,
 * whose texts are borrowed but for trace_json. */
struct json_object *client_dispatched(struct client *client, const char *method, const char *uri, const char *body,
                                      void (*end)(const struct execution *execution, struct execution_outcome *outcome));
/* The error_code of a call that must fail with `status`. Gives its "error_detail" too, if asked. Both are malloc()ed. */
char *client_refused(struct client *client, const char *method, const char *uri, const char *body, int status,
                     char **detail_out);
/* Fails the test unless the call is refused so. */
void api_refused(struct client *client, const char *method, const char *uri, const char *body, int status,
                 const char *code);

/* For each test: an empty database, a node with room, and a client of "me" with four seats. */
extern struct client *api_me;
void api_setup(void);
void api_teardown(void);

#define API_SESSIONS "/api/v1/sessions"
#define API_CREATE "{\"template_id\":\"python-basic\",\"resources\":null}"
#define API_CODE "{\"code\":\"x\",\"language\":\"python\",\"event\":{ \"n\":123456789012345678901234567890 }}"
/* Creates a session; `uri_out` gets its path. */
void api_create(struct client *client, char id[SESSION_ID_SIZE], char uri_out[128]);
/* Does what provisiond does when a session's container answers. */
void api_start(const char *id);

/* A member's text; the test fails when there is none. */
const char *text_of(struct json_object *object, const char *name);

#endif
