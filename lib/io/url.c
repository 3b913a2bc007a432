/* SPDX-License-Identifier: Apache-2.0 */
/* URLs through CURLU. */
#include "lib/io/url.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void free_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static bool has(CURLU *url, CURLUPart part)
{
    char *value = NULL;
    bool there = curl_url_get(url, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return there;
}

/* -1: it is not there, or does not fit. */
static int get(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
    char *value = NULL;
    if (curl_url_get(url, part, &value, flags) != CURLUE_OK || !value)
        return -1;
    size_t len = strlen(value);
    snprintf(out, size, "%s", value);
    curl_free(value);
    return len < size ? 0 : -1;
}

static bool plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '\\')
            return false;
    return true;
}

static void strip_brackets(char *host)
{
    size_t len = strlen(host);
    if (len < 2 || host[0] != '[' || host[len - 1] != ']')
        return;
    memmove(host, host + 1, len - 2);
    host[len - 2] = '\0';
}

static int read_parts(CURLU *url, struct url_parts *out, struct err *err)
{
    char port[8];
    if (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD) || has(url, CURLUPART_OPTIONS))
        return err_set(err, ERR_INVALID, "must not hold a user or a password");
    if (has(url, CURLUPART_ZONEID))
        return err_set(err, ERR_INVALID, "must not name a network interface");
    if (get(url, CURLUPART_SCHEME, 0, out->scheme, sizeof(out->scheme)) != 0 ||
        get(url, CURLUPART_HOST, 0, out->host, sizeof(out->host)) != 0 || out->host[0] == '\0')
        return err_set(err, ERR_INVALID, "must have a host of at most %d bytes", URL_HOST_SIZE - 1);
    strip_brackets(out->host);
    if (get(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)) != 0)
        return err_set(err, ERR_INVALID, "must have a scheme whose port is known");
    out->port = strtol(port, NULL, 10);
    return 0;
}

/* libcurl would also take "http:/host" and "http:///host", which others read otherwise. */
static bool has_authority(const char *text)
{
    const char *slashes = strstr(text, "://");
    return slashes && slashes == strchr(text, ':') && slashes[3] != '/' && slashes[3] != '\0';
}

int url_parse(const char *text, struct url_parts *out, struct err *err)
{
    *out = (struct url_parts){ 0 };
    if (!plain(text))
        return err_set(err, ERR_INVALID, "must be printable ASCII without spaces and backslashes (other characters percent-encoded, a "
                                         "host's name in its ASCII form)");
    if (!has_authority(text))
        return err_set(err, ERR_INVALID, "must be of the form https://HOST/PATH");
    if (strchr(text, '#'))
        return err_set(err, ERR_INVALID, "must not have a fragment");
    cleanup(free_url) CURLU *url = curl_url();
    if (!url)
        return err_internal(err, 0, "out of memory for a URL");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return err_internal(err, 0, "out of memory for a URL");
    if (code != CURLUE_OK)
        return err_set(err, ERR_INVALID, "is not a URL that can be used (%s)", curl_url_strerror(code));
    return read_parts(url, out, err);
}
