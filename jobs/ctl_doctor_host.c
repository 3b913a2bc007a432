/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at this host: storage, directories, executor, engine, disk, limits, doorbells. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "jobs/ctl_doctor.h"
#include "lib/io/doorbell.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { DIRECTORY_MAX = 75, FILES_MIN = 4096, DISK_LOW = 10, DISK_OUT = 3, SESSION_RANDOM = 8 };

/* --- storage --- */

static int expect_text(void *arg, const char *data, size_t len, struct err *err)
{
    struct strbuf *got = arg;
    (void)err;
    strbuf_add(got, data, len);
    return 0;
}

static int write_object(struct storage *storage, const char *key, const char *text, struct err *err)
{
    struct storage_write *write = NULL;
    if (storage_write_begin(storage, key, &write, err) != 0)
        return -1;
    if (storage_write_data(write, text, strlen(text), err) != 0) {
        storage_write_abort(write);
        return -1;
    }
    return storage_write_commit(write, false, err);
}

/* Writes, reads and deletes an object; *step says what it was at. */
static int try_storage(struct storage *storage, const char **step, struct err *err)
{
    static const char text[] = "sandboxctl doctor";
    cleanup_strbuf struct strbuf got = STRBUF_INIT(sizeof(text));
    char session[32] = "doctor_", key[64];
    int64_t deleted = 0;
    id_random(session + strlen(session), SESSION_RANDOM);
    snprintf(key, sizeof(key), "sessions/%s/probe", session);
    *step = "written";
    if (write_object(storage, key, text, err) != 0)
        return -1;
    *step = "read";
    int result = storage_read(storage, key, 0, -1, expect_text, &got, err);
    if (result == 0 && strcmp(strbuf_str(&got), text) != 0)
        result = err_set(err, ERR_INTERNAL, "Something else came back than was written.");
    struct err other = ERR_INIT;
    if (storage_purge(storage, session, NULL, NULL, &deleted, result == 0 ? err : &other) != 0 && result == 0) {
        *step = "deleted";
        result = -1;
    }
    return result;
}

void doctor_storage(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    const char *root = ctl->settings->workspace_root, *step = "opened";
    bool file = strcmp(ctl->settings->storage.driver, "file") == 0;
    struct err err = ERR_INIT;
    int64_t begun = clock_mono_us();
    int result = context_open_storage(&ctl->context, &err);
    if (result == 0)
        result = try_storage(ctl->context.storage, &step, &err);
    context_close_storage(&ctl->context);
    if (result == 0)
        doctor_say(doctor, DOCTOR_OK, "storage", NULL, "%s: an object was written, read and deleted in %.1f ms", root,
                   (double)(clock_mono_us() - begun) / 1000);
    else
        doctor_say(doctor, DOCTOR_FAIL, "storage",
                   file ? "make storage.directory, writable by the web workers' group (mode 2770); or run this as root"
                        : "mend the endpoint, bucket or keys in the group `storage` of the settings",
                   "%s: an object could not be %s: %s %s", root, step, err.text, err.detail);
}

/* --- where and with what sandboxes are made --- */

/* The directory on the way there that others may not search; NULL: all may. */
static const char *closed_on_the_way(const char *directory, char out[512])
{
    struct stat found;
    snprintf(out, 512, "%s", directory);
    for (;;) {
        if (stat(out, &found) != 0 || !S_ISDIR(found.st_mode) || !(found.st_mode & S_IXOTH))
            return out;
        char *slash = strrchr(out, '/');
        if (!slash || slash == out)
            return NULL;
        *slash = '\0';
    }
}

void doctor_runtime_directory(struct doctor *doctor)
{
    const char *directory = doctor->ctl->settings->runtime.directory;
    char closed[512];
    struct stat found;
    if (strlen(directory) > DIRECTORY_MAX)
        doctor_say(doctor, DOCTOR_FAIL, "directory", "choose a shorter runtime.directory: unix sockets below it must fit into an address",
                   "%s has %zu bytes, %d at most", directory, strlen(directory), DIRECTORY_MAX);
    else if (stat(directory, &found) != 0)
        doctor_say(doctor, errno == ENOENT ? DOCTOR_WARN : DOCTOR_FAIL, "directory",
                   "start sandbox-provisiond here, which makes it; on a host without sandboxes that is fine", "%s: %s", directory, strerror(errno));
    else if (closed_on_the_way(directory, closed))
        doctor_say(doctor, DOCTOR_FAIL, "directory", "chmod o+x: sandboxes have users of their own and must reach their sockets",
                   "%s is no directory that all users may search", closed);
    else if (access(directory, W_OK) != 0)
        doctor_say(doctor, DOCTOR_WARN, "directory", "run this as root, as the jobs do", "%s is not writable for this user", directory);
    else
        doctor_say(doctor, DOCTOR_OK, "directory", NULL, "%s is there and can be searched by all", directory);
}

/* 1: static, 0: not, -1: no ELF program of 64 bits. */
static int is_static(const char *path)
{
    Elf64_Ehdr header;
    Elf64_Phdr program;
    cleanup_file FILE *file = fopen(path, "re");
    if (!file || fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64)
        return -1;
    for (int i = 0; i < header.e_phnum; i++) {
        if (fseek(file, (long)header.e_phoff + (long)i * header.e_phentsize, SEEK_SET) != 0 || fread(&program, sizeof(program), 1, file) != 1)
            return -1;
        if (program.p_type == PT_INTERP)
            return 0;
    }
    return 1;
}

void doctor_executor(struct doctor *doctor)
{
    const char *path = doctor->ctl->settings->runtime.executor;
    struct stat found;
    static const char install[] = "install sandbox-executor (make install), or mend runtime.executor";
    if (stat(path, &found) != 0)
        doctor_say(doctor, DOCTOR_FAIL, "executor", install, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(found.st_mode) || !(found.st_mode & S_IXOTH))
        doctor_say(doctor, DOCTOR_FAIL, "executor", "chmod 0755: sandboxes have users of their own", "%s is not executable by all users", path);
    else if (is_static(path) != 1)
        doctor_say(doctor, DOCTOR_FAIL, "executor", "build it statically, as configure does: images bring other libraries",
                   "%s is no static program", path);
    else
        doctor_say(doctor, DOCTOR_OK, "executor", NULL, "%s is static and executable", path);
}

void doctor_engine(struct doctor *doctor)
{
    const struct runtime_settings *settings = &doctor->ctl->settings->runtime;
    bool docker = strcmp(settings->kind, "docker") == 0;
    struct runtime_info info = { 0 };
    struct err err = ERR_INIT;
    if (access(settings->directory, F_OK) != 0) /* opening the engine would make it */
        return;
    struct runtime *runtime = runtime_open(settings, &err);
    if (!runtime || runtime_info(runtime, &info, &err) != 0)
        doctor_say(doctor, DOCTOR_FAIL, "engine",
                   docker ? "start Docker, or mend runtime.docker_socket; this needs root"
                          : "install bubblewrap, python3 and nodejs; run this as root; see docs/runtimes.md for what isolation needs",
                   "%s: %s %s", settings->kind, err.text, err.detail);
    else
        doctor_say(doctor, info.weaker ? DOCTOR_WARN : DOCTOR_OK, "engine",
                   info.weaker ? "not for code of strangers: see docs/runtimes.md for what is missing" : NULL, "%s %s: %s", settings->kind, info.version,
                   info.isolation);
    runtime_free(runtime);
}

/* --- room and limits --- */

static void say_disk(struct doctor *doctor, const char *what, const char *directory)
{
    struct statvfs disk;
    if (statvfs(directory, &disk) != 0 || disk.f_blocks == 0)
        return; /* that it is not there is another check's */
    int free_percent = (int)(disk.f_bavail * 100 / disk.f_blocks);
    int inodes_percent = disk.f_files ? (int)(disk.f_favail * 100 / disk.f_files) : 100;
    int least = inodes_percent < free_percent ? inodes_percent : free_percent;
    doctor_say(doctor, least < DISK_OUT ? DOCTOR_FAIL : least < DISK_LOW ? DOCTOR_WARN : DOCTOR_OK, "disk",
               least < DISK_LOW ? "make room, or lower retention.workspace_s and node.max_containers" : NULL,
               "%s (%s): %d %% of the space and %d %% of the inodes are free", what, directory, free_percent, inodes_percent);
}

void doctor_disk(struct doctor *doctor)
{
    const struct settings *settings = doctor->ctl->settings;
    say_disk(doctor, "sandboxes", settings->runtime.directory);
    if (strcmp(settings->storage.driver, "file") == 0)
        say_disk(doctor, "storage", settings->storage.directory);
}

void doctor_files(struct doctor *doctor)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    bool few = files.rlim_max < FILES_MIN;
    doctor_say(doctor, few ? DOCTOR_WARN : DOCTOR_OK, "open files", few ? "LimitNOFILE=65536 for the jobs: each execution under way is a connection" : NULL,
               "at most %" PRIu64 " for programs started as this one was", (uint64_t)files.rlim_max);
}

static bool says(const struct err *err, int errnum)
{
    return strstr(err->text, strerror(errnum)) || strstr(err->detail, strerror(errnum));
}

static void say_doorbell(struct doctor *doctor, const char *job, const char *address)
{
    char bound[DOORBELL_ADDRESS_SIZE];
    struct err err = ERR_INIT;
    cleanup_fd int fd = doorbell_open(address, bound, &err);
    if (fd >= 0)
        doctor_say(doctor, DOCTOR_WARN, "doorbell", "start the job here, or name its host's address in the group `doorbell`",
                   "nobody on this host listens at %s for sandbox-%s: work waits up to 250 ms longer", address, job);
    else if (says(&err, EADDRINUSE))
        doctor_say(doctor, DOCTOR_OK, "doorbell", NULL, "%s is bound (sandbox-%s)", address, job);
    else if (says(&err, EADDRNOTAVAIL))
        doctor_say(doctor, DOCTOR_OK, "doorbell", NULL, "%s is on another host (sandbox-%s)", address, job);
    else
        doctor_say(doctor, DOCTOR_FAIL, "doorbell", "give it as ADDRESS:PORT, the address as a number", "%s (sandbox-%s): %s %s", address, job,
                   err.text, err.detail);
}

void doctor_doorbells(struct doctor *doctor)
{
    const struct doorbell_settings *bells = &doctor->ctl->settings->doorbell;
    say_doorbell(doctor, "dispatchd", bells->dispatchd);
    say_doorbell(doctor, "provisiond", bells->provisiond);
    say_doorbell(doctor, "pool", bells->pool);
    say_doorbell(doctor, "webhookd", bells->webhookd);
}
