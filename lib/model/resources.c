/* SPDX-License-Identifier: Apache-2.0 */
/* Resource quantities in the notation of Kubernetes (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/). */
#include "lib/model/resources.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads digits with at most three decimals as thousandths; *rest is what follows. -1 when there is no number. */
static int64_t read_milli(const char *text, const char **rest)
{
    int64_t whole = 0, part = 0, scale = 1000;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        whole = whole * 10 + (*at - '0');
        if (whole > 1000000000)
            return -1;
    }
    if (at == text)
        return -1;
    if (*at == '.') {
        const char *start = ++at;
        for (; *at >= '0' && *at <= '9'; at++) {
            scale /= 10;
            part += (*at - '0') * scale;
            if (at - start >= 3)
                return -1;
        }
        if (at == start)
            return -1;
    }
    *rest = at;
    return whole * 1000 + part;
}

int resources_parse_cpu(const char *text, const char *field, int64_t *milli_out, struct err *err)
{
    const char *rest = "";
    int64_t milli = read_milli(text, &rest);
    if (milli >= 0 && strcmp(rest, "m") == 0 && milli % 1000 == 0) {
        milli /= 1000;
        rest++;
    }
    if (milli < 0 || *rest)
        return err_field(err, field, "cpu must be a number of CPUs such as \"1\" or \"0.5\".");
    if (milli < CPU_MILLI_MIN || milli > CPU_MILLI_MAX)
        return err_field(err, field, "cpu must be between 0.5 and 4.");
    *milli_out = milli;
    return 0;
}

int resources_parse_size(const char *text, const char *field, int64_t min_mb, int64_t max_mb,
                         int64_t *mb_out, struct err *err)
{
    static const struct {
        const char *unit;
        int64_t kib;
    } units[] = { { "Ki", 1 }, { "Mi", 1024 }, { "Gi", 1024 * 1024 } };
    const char *rest = "";
    int64_t milli = read_milli(text, &rest);
    int64_t mb = -1;
    for (size_t i = 0; milli >= 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(rest, units[i].unit) == 0)
            mb = milli * units[i].kib / 1024 / 1000;
    char low[QUANTITY_TEXT_SIZE], high[QUANTITY_TEXT_SIZE];
    resources_format_size(min_mb, low);
    resources_format_size(max_mb, high);
    if (mb < 0)
        return err_field(err, field, "The value must be a size such as \"%s\".", low);
    if (mb < min_mb || mb > max_mb)
        return err_field(err, field, "The value must be between %s and %s.", low, high);
    *mb_out = mb;
    return 0;
}

void resources_format_cpu(int64_t milli, char out[QUANTITY_TEXT_SIZE])
{
    int decimals = milli % 1000 == 0 ? 0 : milli % 100 == 0 ? 1 : milli % 10 == 0 ? 2 : 3;
    snprintf(out, QUANTITY_TEXT_SIZE, "%.*f", decimals, (double)milli / 1000);
}

void resources_format_size(int64_t mb, char out[QUANTITY_TEXT_SIZE])
{
    if (mb >= 1024 && mb % 1024 == 0)
        snprintf(out, QUANTITY_TEXT_SIZE, "%" PRId64 "Gi", mb / 1024);
    else
        snprintf(out, QUANTITY_TEXT_SIZE, "%" PRId64 "Mi", mb);
}

bool resources_equal(const struct resources *a, const struct resources *b)
{
    return a->cpu_milli == b->cpu_milli && a->memory_mb == b->memory_mb &&
           a->disk_mb == b->disk_mb && a->max_processes == b->max_processes;
}
