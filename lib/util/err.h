/* SPDX-License-Identifier: Apache-2.0 */
/* The error object: a code, a text safe for clients, a private detail that grows on the way up. */
#ifndef SANDBOX_UTIL_ERR_H
#define SANDBOX_UTIL_ERR_H

/* What went wrong, as a class. lib/model/error_info.h maps each to its public name, HTTP status and advice. */
enum err_code {
    ERR_NONE = 0,
    ERR_INVALID,             /* the caller's input is wrong; err.field may say where */
    ERR_UNAUTHORIZED,        /* no credentials, or unknown, expired, revoked ones */
    ERR_FORBIDDEN,           /* known caller, missing scope */
    ERR_SESSION_NOT_FOUND,   /* does not exist, ended, or belongs to somebody else */
    ERR_EXECUTION_NOT_FOUND, /* likewise */
    ERR_TEMPLATE_NOT_FOUND,
    ERR_CONTAINER_NOT_FOUND,
    ERR_FILE_NOT_FOUND,
    ERR_NODE_NOT_FOUND,
    ERR_NOT_FOUND,        /* no such route or thing */
    ERR_METHOD,           /* route exists, method does not */
    ERR_MEDIA_TYPE,       /* body of an unexpected content type */
    ERR_TOO_LARGE,        /* body or field over its documented size */
    ERR_RANGE,            /* no such part of a file */
    ERR_CONFLICT,         /* state does not allow it */
    ERR_RATE_LIMITED,     /* per-token rate exceeded */
    ERR_NO_ROOM,          /* every node is at capacity */
    ERR_EXEC_EXCEPTION,   /* the answer is an execution that failed */
    ERR_EXEC_TIMEOUT,     /* the answer is an execution that timed out */
    ERR_UNAVAILABLE,      /* a part we need (database, engine) does not answer: try again */
    ERR_UNCERTAIN,        /* a write was sent and its outcome is not known */
    ERR_TIMEOUT,          /* an operation of ours ran out of time */
    ERR_INTERNAL,         /* ours; the detail goes to the log, never to a client */
    ERR_CODES             /* count, not a code */
};

/* Plain memory without ownership: lives on the stack, is copied by assignment, needs no release. */
struct err {
    enum err_code code;
    char text[320];   /* for clients; UTF-8, no secrets */
    char field[128];  /* JSON pointer of the offending field, or "" */
    char detail[640]; /* for the log only */
    int retry_after_s; /* when trying again makes sense; 0: not known */
};

/* Each of these returns -1, so that a failing function can end in `return err_set(...)`. */

/* Starts a new error; `format` makes the client-safe text. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Starts an ERR_INVALID error about `field` (a JSON pointer). */
int err_field(struct err *err, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts private context in front of the detail gathered so far. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* ERR_INTERNAL with a fixed client text; `format` is private, and strerror(errnum) is added if errnum != 0. */
int err_internal(struct err *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ERR_INIT ((struct err){ .code = ERR_NONE })

#endif
