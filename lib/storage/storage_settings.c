/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of storage, and how a workspace's place is written. */
#include <string.h>

#include "lib/storage/storage.h"

#define AT(member) offsetof(struct storage_settings, member)

const struct setting storage_setting_table[] = {
    { .key = "driver", .type = SETTING_STRING, .offset = AT(driver), .preset = "file", .choices = "file|s3",
      .help = "Where the files of sessions are kept: in a directory that all hosts share, or in S3." },
    { .key = "directory", .type = SETTING_STRING, .offset = AT(directory), .preset = "/var/lib/sandbox/workspaces",
      .help = "Of the file driver: absolute, and writable by the web workers and the jobs; the web server reads there." },
    { .key = "s3_endpoint", .type = SETTING_STRING, .offset = AT(s3_endpoint), .preset = "",
      .help = "Of the s3 driver: \"https://HOST[:PORT]\"; empty: Amazon's of the region." },
    { .key = "s3_public_endpoint", .type = SETTING_STRING, .offset = AT(s3_public_endpoint), .preset = "",
      .help = "The same as clients reach it, for large downloads; empty: as s3_endpoint." },
    { .key = "s3_region", .type = SETTING_STRING, .offset = AT(s3_region), .preset = "us-east-1", .help = "Region that is signed for." },
    { .key = "s3_bucket", .type = SETTING_STRING, .offset = AT(s3_bucket), .preset = "", .help = "Bucket; it must exist." },
    { .key = "s3_prefix", .type = SETTING_STRING, .offset = AT(s3_prefix), .preset = "",
      .help = "What keys begin with, without \"/\" at either end; empty: nothing." },
    { .key = "s3_access_key", .type = SETTING_STRING, .offset = AT(s3_access_key), .preset = "", .help = "Access key id." },
    { .key = "s3_secret_key", .type = SETTING_STRING, .offset = AT(s3_secret_key), .preset = "", .secret = true,
      .help = "Secret access key." },
    { .key = "s3_style", .type = SETTING_STRING, .offset = AT(s3_style), .preset = "path", .choices = "path|virtual-host",
      .help = "Where the bucket's name goes: behind the host's, or in front of it." },
    { .key = "s3_ca_file", .type = SETTING_STRING, .offset = AT(s3_ca_file), .preset = "",
      .help = "Certificates (PEM) that the server's is checked against; empty: the system's." },
    { .key = "s3_spool", .type = SETTING_STRING, .offset = AT(s3_spool), .preset = "/var/tmp",
      .help = "Directory where up to 16 MiB of a file on its way to S3 lie, without a name." },
    { .key = "s3_redirect_mb", .type = SETTING_INT, .offset = AT(s3_redirect_mb), .preset = "8", .min = 0, .max = 1000000, .unit = "MiB",
      .help = "Downloads from this size on are answered with an address at S3; 0: all go through the web workers." },
    { .key = "s3_presign_s", .type = SETTING_INT, .offset = AT(s3_presign_s), .preset = "300", .min = 10, .max = 604800, .unit = "s",
      .help = "How long such an address works." },
    { .key = "s3_timeout_ms", .type = SETTING_INT, .offset = AT(s3_timeout_ms), .preset = "10000", .min = 1000, .max = 600000,
      .unit = "ms", .help = "How long S3 may be silent before a call is given up, and tried again." },
};
const size_t storage_setting_count = sizeof(storage_setting_table) / sizeof(storage_setting_table[0]);

static bool is_s3(const struct storage_settings *settings)
{
    return strcmp(settings->driver, "s3") == 0;
}

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

static bool consists_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

/* "http[s]://HOST[:PORT]", perhaps with "/" at its end; or nothing. */
static int check_endpoint(const char *key, const char *value, struct err *err)
{
    const char *host = strncmp(value, "https://", 8) == 0 ? value + 8 : strncmp(value, "http://", 7) == 0 ? value + 7 : NULL;
    size_t len = host ? strcspn(host, "/") : 0;
    if (!value[0] || (len > 0 && strspn(host, NAME_CHARACTERS ":[]") == len && strcmp(host + len, host[len] ? "/" : "") == 0))
        return 0;
    return err_set(err, ERR_INVALID, "storage.%s must be \"https://HOST[:PORT]\" or empty.", key);
}

static int check_s3(const struct storage_settings *settings, struct err *err)
{
    const char *prefix = settings->s3_prefix;
    size_t bucket = strlen(settings->s3_bucket), len = strlen(prefix);
    if (!settings->s3_bucket[0] || !settings->s3_access_key[0] || !settings->s3_secret_key[0])
        return err_set(err, ERR_INVALID, "storage.driver s3 needs s3_bucket, s3_access_key and s3_secret_key.");
    if (bucket < 3 || bucket > 63 || !consists_of(settings->s3_bucket, NAME_CHARACTERS))
        return err_set(err, ERR_INVALID, "storage.s3_bucket must be 3 to 63 characters of A-Z a-z 0-9 . _ -");
    if (len > 256 || !consists_of(prefix, NAME_CHARACTERS "/") || prefix[0] == '/' || (len > 0 && prefix[len - 1] == '/') ||
        strstr(prefix, "//") || strstr(prefix, ".."))
        return err_set(err, ERR_INVALID, "storage.s3_prefix must be names of A-Z a-z 0-9 . _ - with \"/\" between them.");
    if (!settings->s3_region[0] || !consists_of(settings->s3_region, NAME_CHARACTERS))
        return err_set(err, ERR_INVALID, "storage.s3_region must consist of A-Z a-z 0-9 . _ -");
    if (settings->s3_spool[0] != '/')
        return err_set(err, ERR_INVALID, "storage.s3_spool must be an absolute path.");
    if (check_endpoint("s3_endpoint", settings->s3_endpoint, err) != 0)
        return -1;
    return check_endpoint("s3_public_endpoint", settings->s3_public_endpoint, err);
}

int storage_settings_check(const struct storage_settings *settings, struct err *err)
{
    if (settings->directory[0] != '/')
        return err_set(err, ERR_INVALID, "storage.directory must be an absolute path.");
    return is_s3(settings) ? check_s3(settings, err) : 0;
}

char *storage_root(const struct storage_settings *settings)
{
    struct strbuf out = STRBUF_INIT(8192);
    if (is_s3(settings))
        strbuf_addf(&out, "s3://%s%s%s", settings->s3_bucket, settings->s3_prefix[0] ? "/" : "", settings->s3_prefix);
    else
        strbuf_addf(&out, "file://%s", settings->directory);
    return strbuf_steal(&out);
}
