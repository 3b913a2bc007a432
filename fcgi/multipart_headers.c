/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of one part. */
#include <string.h>
#include <strings.h>

#include "fcgi/header_params.h"
#include "fcgi/multipart.h"

static int bad_disposition(struct err *err)
{
    return err_set(err, ERR_INVALID, "A part's Content-Disposition is not of the form: form-data; name=\"...\"; filename=\"...\".");
}

static int set_once(const char **target, const char *value, struct err *err)
{
    if (*target)
        return err_set(err, ERR_INVALID, "A part's Content-Disposition gives a parameter twice.");
    *target = value;
    return 0;
}

static int read_param(const struct header_param *param, struct multipart_part *out, const char **extended, struct err *err)
{
    if (strcasecmp(param->name, "filename*") == 0) {
        if (!header_params_extended(param->value))
            return err_set(err, ERR_INVALID, "A part's filename* must be UTF-8''NAME, percent-encoded (RFC 8187).");
        return set_once(extended, param->value, err);
    }
    header_params_form_name(param->value);
    if (strcasecmp(param->name, "name") == 0)
        return set_once(&out->name, param->value, err);
    return strcasecmp(param->name, "filename") == 0 ? set_once(&out->filename, param->value, err) : 0;
}

static int read_disposition(char *value, struct multipart_part *out, struct err *err)
{
    struct header_param param;
    const char *extended = NULL;
    int more;
    if (strcasecmp(header_params_begin(&value), "form-data") != 0)
        return bad_disposition(err);
    while ((more = header_params_next(&value, &param)) == 1)
        if (read_param(&param, out, &extended, err) != 0)
            return -1;
    if (more < 0)
        return bad_disposition(err);
    if (!out->name)
        return err_set(err, ERR_INVALID, "A part has no name in its Content-Disposition.");
    out->filename = extended ? extended : out->filename;
    return 0;
}

static int check_encoding(const char *value, struct err *err)
{
    static const char *const plain[] = { "binary", "8bit", "7bit" };
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcasecmp(value, plain[i]) == 0)
            return 0;
    return err_set(err, ERR_INVALID, "A part's Content-Transfer-Encoding must be binary, 8bit or 7bit, not \"%.40s\".", value);
}

static int read_header(const char *name, char *value, struct multipart_part *out, struct err *err)
{
    if (strcasecmp(name, "Content-Disposition") == 0) {
        if (out->name)
            return err_set(err, ERR_INVALID, "A part has two Content-Dispositions.");
        return read_disposition(value, out, err);
    }
    if (strcasecmp(name, "Content-Type") == 0)
        out->content_type = value;
    return strcasecmp(name, "Content-Transfer-Encoding") == 0 ? check_encoding(value, err) : 0;
}

/* Splits "Name: value" in place. */
static int take_line(char *line, struct multipart_part *out, struct err *err)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return err_set(err, ERR_INVALID, "A header of a part has no colon: \"%.80s\".", line);
    *colon = '\0';
    if (colon == line || strpbrk(line, " \t"))
        return err_set(err, ERR_INVALID, "A header of a part has a bad name: \"%.80s\".", line);
    char *value = colon + 1 + strspn(colon + 1, " \t");
    for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]);)
        value[--len] = '\0';
    return read_header(line, value, out, err);
}

static void unfold(char *headers)
{
    for (char *at = headers; (at = strstr(at, "\r\n")); at += 2)
        if (at[2] == ' ' || at[2] == '\t')
            memset(at, ' ', 2);
}

int multipart_read_headers(char *headers, size_t len, struct multipart_part *out, struct err *err)
{
    *out = (struct multipart_part){ .content_type = "" };
    if (memchr(headers, '\0', len))
        return err_set(err, ERR_INVALID, "A header of a part has a NUL in it.");
    unfold(headers);
    for (char *line = headers, *end; (end = strstr(line, "\r\n")) && end != line; line = end + 2) {
        *end = '\0';
        if (take_line(line, out, err) != 0)
            return -1;
    }
    return out->name ? 0 : err_set(err, ERR_INVALID, "A part has no Content-Disposition with a name.");
}
