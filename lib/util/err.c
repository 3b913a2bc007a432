/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and extends error objects; every text is cut at its array's end. */
#include "lib/util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void start(struct err *err, enum err_code code, const char *format, va_list args)
{
    *err = (struct err){ .code = code };
    vsnprintf(err->text, sizeof(err->text), format, args);
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    start(err, code, format, args);
    va_end(args);
    return -1;
}

int err_field(struct err *err, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    start(err, ERR_INVALID, format, args);
    va_end(args);
    snprintf(err->field, sizeof(err->field), "%s", field);
    return -1;
}

static void prepend_detail(struct err *err, const char *context)
{
    char before[sizeof(err->detail)];
    memcpy(before, err->detail, sizeof(before));
    size_t used = strnlen(context, sizeof(err->detail) - 1);
    memmove(err->detail, context, used);
    err->detail[used] = '\0';
    if (before[0] != '\0')
        snprintf(err->detail + used, sizeof(err->detail) - used, ": %s", before);
}

int err_wrap(struct err *err, const char *format, ...)
{
    char context[256];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    prepend_detail(err, context);
    return -1;
}

int err_internal(struct err *err, int errnum, const char *format, ...)
{
    char context[256];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    err_set(err, ERR_INTERNAL, "An internal error occurred.");
    if (errnum != 0)
        snprintf(err->detail, sizeof(err->detail), "%s", strerror(errnum));
    prepend_detail(err, context);
    return -1;
}
