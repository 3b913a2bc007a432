/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files, comparing them with what was applied, applying the rest. */
#include "lib/service/migrations.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/repo/migration_repo.h"
#include "lib/io/digest.h"
#include "lib/util/strbuf.h"

enum { FILE_MAX = 16 * 1024 * 1024, DIGITS = 4 };

/* A directory's migrations, in order. */
struct files {
    const char *directory;
    struct dirent **entries;
    int count;
};

static void cleanup_files(struct files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->entries[i]);
    free(files->entries);
}

static int is_migration(const struct dirent *entry)
{
    const char *name = entry->d_name;
    size_t len = strlen(name);
    for (int i = 0; i < DIGITS; i++)
        if (!isdigit((unsigned char)name[i]))
            return 0;
    return name[DIGITS] == '_' && len > 4 && len < MIGRATION_NAME_SIZE && strcmp(name + len - 4, ".sql") == 0;
}

static int64_t version_of(const struct dirent *entry)
{
    return strtoll(entry->d_name, NULL, 10);
}

static int find_files(struct files *files, struct err *err)
{
    files->count = scandir(files->directory, &files->entries, is_migration, alphasort);
    if (files->count < 0) {
        files->count = 0;
        return err_set(err, ERR_INVALID, "The migrations in %s cannot be read: %s.", files->directory,
                       strerror(errno));
    }
    if (files->count == 0)
        return err_set(err, ERR_INVALID, "There are no migrations (NNNN_name.sql) in %s.", files->directory);
    for (int i = 0; i < files->count; i++)
        if (version_of(files->entries[i]) != i + 1)
            return err_set(err, ERR_INVALID, "%s: %s is there, where version %04d should be.",
                           files->directory, files->entries[i]->d_name, i + 1);
    return 0;
}

static int read_text(const char *path, struct strbuf *out, struct err *err)
{
    char chunk[8192];
    size_t got;
    cleanup_file FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_INVALID, "%s cannot be read: %s.", path, strerror(errno));
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
        strbuf_add(out, chunk, got);
    if (ferror(file) || !strbuf_ok(out) || strlen(strbuf_str(out)) != out->len)
        return err_set(err, ERR_INVALID, "%s cannot be read, is too large or is no text.", path);
    return 0;
}

/* Describes the file and reads its text. */
static int load(const struct files *files, int index, struct migration *out, struct strbuf *text,
                struct err *err)
{
    const char *file = files->entries[index]->d_name;
    cleanup_strbuf struct strbuf path = STRBUF_INIT(4096);
    strbuf_addf(&path, "%s/%s", files->directory, file);
    if (!strbuf_ok(&path))
        return err_set(err, ERR_INVALID, "The path of %s is too long.", file);
    *out = (struct migration){ .version = index + 1 };
    snprintf(out->name, sizeof(out->name), "%.*s", (int)(strlen(file) - strlen(".sql")), file);
    if (read_text(strbuf_str(&path), text, err) != 0)
        return -1;
    return digest_sha256_hex(strbuf_str(text), text->len, out->sha256, err);
}

/* What was applied must be what this release holds. */
static int compare(const struct files *files, const struct migration *applied, size_t count, struct err *err)
{
    if (count > (size_t)files->count)
        return err_set(err, ERR_CONFLICT,
                       "The database is at version %zu, this release knows only %d: use the newer release.",
                       count, files->count);
    for (size_t i = 0; i < count; i++) {
        struct migration file;
        cleanup_strbuf struct strbuf text = STRBUF_INIT(FILE_MAX);
        if (applied[i].version != (int64_t)i + 1)
            return err_set(err, ERR_CONFLICT, "The database has version %" PRId64 " applied, but not %zu.",
                           applied[i].version, i + 1);
        if (load(files, (int)i, &file, &text, err) != 0)
            return -1;
        if (strcmp(file.sha256, applied[i].sha256) != 0)
            return err_set(err, ERR_CONFLICT,
                           "Migration %s was changed after it was applied (as %s). Restore the file; changes "
                           "go into a new one.",
                           file.name, applied[i].name);
    }
    return 0;
}

static int apply_one(struct db *db, const struct files *files, int index,
                     struct migrations_report *report, struct err *err)
{
    struct migration migration;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(FILE_MAX);
    if (load(files, index, &migration, &text, err) != 0)
        return -1;
    struct err inner = ERR_INIT;
    if (migration_repo_apply(db, &migration, strbuf_str(&text), &inner) != 0) {
        err_set(err, inner.code, "Migration %s failed: %.200s", migration.name, inner.text);
        return err_wrap(err, "%s", inner.detail);
    }
    report->version = migration.version;
    if (report->on_applied)
        report->on_applied(report->arg, migration.name);
    return 0;
}

int migrations_apply(struct db *db, const char *directory, struct migrations_report *report,
                     struct err *err)
{
    cleanup(cleanup_files) struct files files = { .directory = directory };
    cleanup_free struct migration *applied = NULL;
    size_t count = 0;
    if (find_files(&files, err) != 0 || migration_repo_lock(db, err) != 0 ||
        migration_repo_list(db, &applied, &count, err) != 0 || compare(&files, applied, count, err) != 0)
        return -1;
    report->version = (int64_t)count;
    for (int i = (int)count; i < files.count; i++)
        if (apply_one(db, &files, i, report, err) != 0)
            return -1;
    return 0;
}
