/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the executor's environment by table. */
#include "executor/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/model/preload.h"
#include "lib/model/workspace.h"
#include "lib/util/log.h"
#include "lib/wire/environment.h"

enum { SECRET_MIN = 16, SECRET_MAX = 256, ID_MAX = 2000000000, LINGER_MS = 60 * 1000 };

static int read_text(const char *name, const char *preset, char **out, struct err *err)
{
    const char *value = getenv(name);
    if (!value)
        value = preset;
    if (!value)
        return err_set(err, ERR_INVALID, "%s is not set.", name);
    if (!(*out = strdup(value)))
        return err_internal(err, errno, "out of memory");
    return 0;
}

static int read_number(const char *name, int64_t preset, int64_t max, int64_t *out, struct err *err)
{
    const char *value = getenv(name);
    *out = preset;
    if (!value || !*value)
        return 0;
    char *end;
    errno = 0;
    *out = strtoll(value, &end, 10);
    if (errno != 0 || *end || *out < 0 || *out > max)
        return err_set(err, ERR_INVALID, "%s must be a number from 0 to %lld.", name, (long long)max);
    return 0;
}

static int read_numbers(struct setup *setup, struct err *err)
{
    int64_t uid = 0, gid = 0, network = 0;
    const struct {
        const char *name;
        int64_t preset, max, *out;
    } numbers[] = {
        { EXECUTOR_ENV_UID, 1000, ID_MAX, &uid },
        { EXECUTOR_ENV_GID, 1000, ID_MAX, &gid },
        { EXECUTOR_ENV_NETWORK, 0, 1, &network },
        { EXECUTOR_ENV_LINGER_MS, LINGER_MS, 3600 * 1000, &setup->linger_ms },
        { EXECUTOR_ENV_NPROC, 0, 1 << 22, &setup->nproc },
        { EXECUTOR_ENV_MEMORY_MB, 0, 1 << 20, &setup->memory_mb },
        { EXECUTOR_ENV_DISK_MB, 0, 1 << 24, &setup->disk_mb },
        { EXECUTOR_ENV_FILES_MAX, WORKSPACE_FILES_MAX, WORKSPACE_FILES_MAX, &setup->files_max },
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (read_number(numbers[i].name, numbers[i].preset, numbers[i].max, numbers[i].out, err) != 0)
            return -1;
    if (uid == 0 || gid == 0)
        return err_set(err, ERR_INVALID, "%s and %s must not be 0.", EXECUTOR_ENV_UID, EXECUTOR_ENV_GID);
    setup->uid = (uid_t)uid;
    setup->gid = (gid_t)gid;
    setup->network = network == 1;
    return 0;
}

static int read_languages(struct setup *setup, struct err *err)
{
    cleanup_free char *list = NULL;
    char *rest = NULL;
    if (read_text(EXECUTOR_ENV_LANGUAGES, "", &list, err) != 0)
        return -1;
    for (char *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        int language = language_parse(name);
        if (language < 0)
            return err_set(err, ERR_INVALID, "%s: there is no language \"%s\".", EXECUTOR_ENV_LANGUAGES, name);
        setup->keep[language] = true;
    }
    return 0;
}

/* Each name a string of its own in the copy of the list. */
static int read_preload(struct setup *setup, struct err *err)
{
    cleanup_free char *list = NULL;
    char *rest = NULL;
    if (read_text(EXECUTOR_ENV_PRELOAD, "", &list, err) != 0)
        return -1;
    if (!(setup->preload = calloc(1, strlen(list) + 2)))
        return err_internal(err, errno, "out of memory");
    char *end = setup->preload;
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (!preload_name_valid(name) || ++setup->preload_count > PRELOAD_MODULES_MAX)
            return err_set(err, ERR_INVALID, "%s must hold names of at most %d modules.", EXECUTOR_ENV_PRELOAD, PRELOAD_MODULES_MAX);
        end = stpcpy(end, name) + 1;
    }
    return 0;
}

static int read_words(struct setup *setup, struct err *err)
{
    const char *confine = getenv(EXECUTOR_ENV_CONFINE), *level = getenv(EXECUTOR_ENV_LOG_LEVEL);
    if (confine && strcmp(confine, "none") != 0 && strcmp(confine, "landlock") != 0)
        return err_set(err, ERR_INVALID, "%s must be none or landlock.", EXECUTOR_ENV_CONFINE);
    setup->landlock = confine && strcmp(confine, "landlock") == 0;
    setup->log_level = log_level_parse(level ? level : "info");
    if (setup->log_level < 0)
        return err_set(err, ERR_INVALID, "%s must be debug, info, warn or error.", EXECUTOR_ENV_LOG_LEVEL);
    return 0;
}

static int keep_secret(struct setup *setup, const char *name, const char *text, struct err *err)
{
    if (strlen(text) < SECRET_MIN || strlen(text) > SECRET_MAX)
        return err_set(err, ERR_INVALID, "%s: the secret must have %d to %d characters.", name, SECRET_MIN, SECRET_MAX);
    if (!(setup->secret = strdup(text)))
        return err_internal(err, errno, "out of memory");
    return 0;
}

/* It goes out of the memory that /proc shows as our environment, too. */
static int read_secret_given(struct setup *setup, char *value, struct err *err)
{
    int status = keep_secret(setup, EXECUTOR_ENV_SECRET, value, err);
    explicit_bzero(value, strlen(value));
    return status;
}

static int read_secret(struct setup *setup, struct err *err)
{
    cleanup_free char *path = NULL;
    char *given = getenv(EXECUTOR_ENV_SECRET);
    if (given)
        return read_secret_given(setup, given, err);
    if (read_text(EXECUTOR_ENV_SECRET_FILE, NULL, &path, err) != 0)
        return -1;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[SECRET_MAX + 2];
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (got < 0)
        return err_set(err, ERR_INVALID, "%s: %s: %s.", EXECUTOR_ENV_SECRET_FILE, path, strerror(errno));
    text[got] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    int status = keep_secret(setup, path, text, err);
    explicit_bzero(text, sizeof(text));
    return status;
}

int setup_read(struct setup *out, struct err *err)
{
    struct setup setup = { 0 };
    if (read_text(EXECUTOR_ENV_LISTEN, NULL, &setup.listen, err) != 0 ||
        read_text(EXECUTOR_ENV_WORKSPACE, "/workspace", &setup.workspace, err) != 0 ||
        read_text(EXECUTOR_ENV_TMP, "/tmp", &setup.tmp, err) != 0 || read_numbers(&setup, err) != 0 ||
        read_languages(&setup, err) != 0 || read_preload(&setup, err) != 0 || read_words(&setup, err) != 0 || read_secret(&setup, err) != 0) {
        setup_release(&setup);
        return -1;
    }
    clearenv();
    *out = setup;
    return 0;
}

void setup_release(struct setup *setup)
{
    free(setup->listen);
    free(setup->secret);
    free(setup->workspace);
    free(setup->tmp);
    free(setup->preload);
    *setup = (struct setup){ 0 };
}
