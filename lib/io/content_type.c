/* SPDX-License-Identifier: Apache-2.0 */
/* One libmagic cookie for the process: its tables are some MiB, and it may not be used by two threads at once. */
#include "lib/io/content_type.h"

#include <magic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static magic_t cookie; /* NULL until the first call, and when libmagic has no data */
static bool tried;

/* What takes long or runs over the content is left out; JSON and CSV are kept. */
enum { FLAGS = MAGIC_MIME_TYPE | MAGIC_MIME_ENCODING | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF };

static magic_t get_cookie(void)
{
    if (!tried) {
        tried = true;
        cookie = magic_open(FLAGS);
        if (cookie && magic_load(cookie, NULL) != 0) {
            magic_close(cookie);
            cookie = NULL;
        }
    }
    return cookie;
}

/* "text/plain; charset=us-ascii": UTF-8 by another name; of what is no text, the charset says nothing. */
static void tidy(const char *found, char out[CONTENT_TYPE_SIZE])
{
    size_t type = strcspn(found, ";");
    const char *charset = strstr(found, "charset=");
    bool text = strncmp(found, "text/", 5) == 0;
    if (charset && (strcmp(charset + 8, "us-ascii") == 0 || strcmp(charset + 8, "utf-8") == 0))
        charset = "charset=utf-8";
    else if (charset && (strcmp(charset + 8, "binary") == 0 || strncmp(charset + 8, "unknown", 7) == 0))
        charset = NULL;
    snprintf(out, CONTENT_TYPE_SIZE, "%.*s%s%s", (int)type, found, text && charset ? "; " : "", text && charset ? charset : "");
}

void content_type_of(const void *data, size_t len, char out[CONTENT_TYPE_SIZE])
{
    snprintf(out, CONTENT_TYPE_SIZE, "application/octet-stream");
    pthread_mutex_lock(&lock);
    magic_t magic = get_cookie();
    const char *found = magic ? magic_buffer(magic, data, len) : NULL;
    if (found)
        tidy(found, out);
    pthread_mutex_unlock(&lock);
}
