/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for tests of the internal API: a session of "me", and its container's executor as a client; another container. */
#ifndef SANDBOX_TESTS_INTERNAL_STAGE_H
#define SANDBOX_TESTS_INTERNAL_STAGE_H

#include "tests/integration/api_client.h"

#define OURS "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHERS "0123456789abcdef0123456789abcdef0123456789abcde0" /* begins like ours */
#define FORMAT(text, ...) snprintf(text, sizeof(text), __VA_ARGS__)

extern struct client *box; /* our container's executor */
extern char session_id[SESSION_ID_SIZE], session_uri[128], execution_id[EXECUTION_ID_SIZE], uri[200];
void internal_set_up(void);
void internal_tear_down(void);

/* An execution that a dispatcher has sent (and let go of); its seq. */
int64_t sent(void);
int64_t let_go(void);
/* The uri of a call about the execution, or the session. */
const char *at(const char *call);
const char *at_session(const char *call);
/* A call of our executor, and a member of its answer. */
void done(const char *where, const char *body, int status, const char *name, const char *value);

#endif
