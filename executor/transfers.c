/* SPDX-License-Identifier: Apache-2.0 */
/* Unfinished files lie in the workspace's own directory, hidden from the journal by name. */
#include "executor/transfers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "executor/as_user.h"
#include "executor/changes.h"
#include "executor/journal.h"
#include "executor/reach.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { TRANSFERS = JOURNAL_HIDDEN_MAX, ID_MAX = 64, IDLE_MS = 60000, TIDY_S = 15, NAME_RANDOM = 16, MIB = 1024 * 1024 };

struct transfer {
    bool used;
    char id[ID_MAX + 1];
    char path[WORKSPACE_PATH_SIZE];
    char name[WORKSPACE_NAME_MAX + 1]; /* while it is unfinished */
    int fd;
    int64_t size, last_ms;
};

struct transfers {
    struct engine *engine;
    struct event *tidy;
    struct transfer slots[TRANSFERS];
};

static int slot_of(const struct transfers *transfers, const struct transfer *transfer)
{
    return (int)(transfer - transfers->slots);
}

static int open_root(const struct setup *setup)
{
    return open(setup->workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void remove_part(struct transfers *transfers, const struct transfer *transfer)
{
    const struct setup *setup = &transfers->engine->setup;
    as_user_begin(setup->uid, setup->gid);
    int root = open_root(setup);
    if (root >= 0) {
        (void)unlinkat(root, transfer->name, 0);
        close(root);
    }
    as_user_end();
}

/* Its name stays hidden until the kernel's news of it have been read. */
static void end_transfer(struct transfers *transfers, struct transfer *transfer, bool placed)
{
    if (transfer->fd >= 0)
        close(transfer->fd);
    if (!placed)
        remove_part(transfers, transfer);
    (void)journal_read(transfers->engine->journal);
    journal_hide(transfers->engine->journal, slot_of(transfers, transfer), NULL);
    transfer->used = false;
}

static void on_tidy(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct transfers *transfers = arg;
    for (int i = 0; i < TRANSFERS; i++)
        if (transfers->slots[i].used && clock_mono_ms() - transfers->slots[i].last_ms > IDLE_MS)
            end_transfer(transfers, &transfers->slots[i], false);
}

struct transfers *transfers_new(struct engine *engine, struct err *err)
{
    const struct timeval every = { TIDY_S, 0 };
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    if (transfers) {
        transfers->engine = engine;
        transfers->tidy = event_new(engine->base, -1, EV_PERSIST, on_tidy, transfers);
    }
    if (!transfers || !transfers->tidy || event_add(transfers->tidy, &every) != 0) {
        err_internal(err, errno, "out of memory for transfers");
        transfers_free(transfers);
        return NULL;
    }
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    for (int i = 0; i < TRANSFERS; i++)
        if (transfers->slots[i].used)
            end_transfer(transfers, &transfers->slots[i], false);
    if (transfers->tidy)
        event_free(transfers->tidy);
    free(transfers);
}

static struct transfer *find(struct transfers *transfers, const char *id)
{
    for (int i = 0; i < TRANSFERS; i++)
        if (transfers->slots[i].used && strcmp(transfers->slots[i].id, id) == 0)
            return &transfers->slots[i];
    return NULL;
}

/* A free one, else the one that has waited longest. */
static struct transfer *make_room(struct transfers *transfers)
{
    struct transfer *oldest = &transfers->slots[0];
    for (int i = 0; i < TRANSFERS; i++) {
        if (!transfers->slots[i].used)
            return &transfers->slots[i];
        if (transfers->slots[i].last_ms < oldest->last_ms)
            oldest = &transfers->slots[i];
    }
    end_transfer(transfers, oldest, false);
    return oldest;
}

static int open_part(const struct setup *setup, struct transfer *transfer, struct err *err)
{
    as_user_begin(setup->uid, setup->gid);
    int root = open_root(setup);
    transfer->fd = root >= 0 ? openat(root, transfer->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    int errnum = errno;
    if (root >= 0)
        close(root);
    as_user_end();
    return transfer->fd >= 0 ? 0 : reach_error(err, errnum);
}

static struct transfer *begin(struct transfers *transfers, const struct piece *piece, struct err *err)
{
    struct transfer *transfer = find(transfers, piece->id);
    if (transfer)
        end_transfer(transfers, transfer, false);
    for (int i = 0; i < TRANSFERS; i++) /* whoever began it has given up */
        if (transfers->slots[i].used && strcmp(transfers->slots[i].path, piece->path) == 0)
            end_transfer(transfers, &transfers->slots[i], false);
    transfer = make_room(transfers);
    *transfer = (struct transfer){ .fd = -1 };
    snprintf(transfer->id, sizeof(transfer->id), "%s", piece->id);
    snprintf(transfer->path, sizeof(transfer->path), "%s", piece->path);
    id_prefixed(transfer->name, ".sandbox-part-", NAME_RANDOM);
    journal_hide(transfers->engine->journal, slot_of(transfers, transfer), transfer->name);
    if (open_part(&transfers->engine->setup, transfer, err) != 0)
        return NULL;
    transfer->used = true;
    return transfer;
}

static struct transfer *next(struct transfers *transfers, const struct piece *piece, struct err *err)
{
    struct transfer *transfer = find(transfers, piece->id);
    if (transfer && strcmp(transfer->path, piece->path) == 0 && transfer->size == piece->offset)
        return transfer;
    if (transfer)
        end_transfer(transfers, transfer, false);
    err_set(err, ERR_CONFLICT, "This piece does not follow the one before it: begin again.");
    return NULL;
}

static int write_piece(struct transfer *transfer, const struct piece *piece, struct err *err)
{
    const char *data = piece->data;
    for (size_t done = 0; done < piece->len;) {
        ssize_t put = pwrite(transfer->fd, data + done, piece->len - done, piece->offset + (int64_t)done);
        if (put < 0 && errno != EINTR)
            return reach_error(err, errno);
        done += put > 0 ? (size_t)put : 0;
    }
    transfer->size = piece->offset + (int64_t)piece->len;
    transfer->last_ms = clock_mono_ms();
    return 0;
}

/* With the rights of the directory's owner: a name can be moved by whoever may write where it is and where it goes. */
static int move_in(const struct setup *setup, const struct transfer *transfer, struct err *err)
{
    cleanup(reach_close) struct reach to = { .dir = -1 };
    if (reach_parent(setup, transfer->path, true, &to, err) != 0)
        return err->code == ERR_FILE_NOT_FOUND ? err_set(err, ERR_CONFLICT, "A part of the path is a file, and so cannot be a directory.") : -1;
    as_user_begin(to.uid, setup->gid);
    int root = open_root(setup);
    int status = root >= 0 ? renameat(root, transfer->name, to.dir, to.name) : -1;
    int errnum = errno;
    if (root >= 0)
        close(root);
    as_user_end();
    return status == 0 ? 0 : reach_error(err, errnum);
}

/* What the journal learnt of the path and the directories above it since `moment` was our own doing. */
static void forget(struct transfers *transfers, const char *path, int64_t moment)
{
    char part[WORKSPACE_PATH_SIZE];
    (void)journal_read(transfers->engine->journal);
    journal_forget(transfers->engine->journal, path, moment);
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash; (slash = strrchr(part, '/'));) {
        *slash = '\0';
        journal_forget(transfers->engine->journal, part, moment);
    }
}

static int place(struct transfers *transfers, struct transfer *transfer, int mode, struct wire_stored *out, struct err *err)
{
    const struct setup *setup = &transfers->engine->setup;
    struct stat ours, there;
    int64_t moment = journal_read(transfers->engine->journal);
    as_user_begin(setup->uid, setup->gid);
    int status = fchmod(transfer->fd, (mode_t)mode & 0777), errnum = errno;
    as_user_end();
    if (status != 0)
        return reach_error(err, errnum);
    if (move_in(setup, transfer, err) != 0)
        return -1;
    if (fstat(transfer->fd, &ours) != 0 || reach_stat(setup, transfer->path, &there, err) != 0)
        return err_set(err, ERR_CONFLICT, "The file is gone again.");
    close(steal_fd(&transfer->fd)); /* which the journal hears of, too */
    version_of(&ours, 0, out->version);
    if (version_fits(out->version, &there))
        forget(transfers, transfer->path, moment);
    return 0;
}

static int check_piece(const struct transfers *transfers, const struct piece *piece, struct err *err)
{
    int64_t limit = transfers->engine->setup.disk_mb * MIB;
    if (strlen(piece->id) > ID_MAX)
        return err_field(err, "transfer", "The name of a transfer has at most %d characters.", ID_MAX);
    if (workspace_path_check(piece->path, strlen(piece->path), "path", err) != 0)
        return -1;
    if (piece->offset > INT64_MAX - (int64_t)piece->len || (limit > 0 && piece->offset + (int64_t)piece->len > limit))
        return err_set(err, ERR_TOO_LARGE, "The workspace holds at most %" PRId64 " MiB.", transfers->engine->setup.disk_mb);
    return 0;
}

int transfers_put(struct transfers *transfers, const struct piece *piece, struct wire_stored *out, struct err *err)
{
    *out = (struct wire_stored){ 0 };
    if (check_piece(transfers, piece, err) != 0)
        return -1;
    struct transfer *transfer = piece->offset == 0 ? begin(transfers, piece, err) : next(transfers, piece, err);
    if (!transfer)
        return -1;
    int status = write_piece(transfer, piece, err);
    out->size = transfer->size;
    if (status == 0 && piece->final)
        status = place(transfers, transfer, piece->mode, out, err);
    if (status != 0 || piece->final)
        end_transfer(transfers, transfer, status == 0);
    return status;
}

int transfers_delete(struct transfers *transfers, const char *path, struct err *err)
{
    const struct setup *setup = &transfers->engine->setup;
    cleanup(reach_close) struct reach at = { .dir = -1 };
    int64_t moment = journal_read(transfers->engine->journal);
    if (reach_parent(setup, path, false, &at, err) != 0)
        return -1;
    as_user_begin(at.uid, setup->gid);
    int status = unlinkat(at.dir, at.name, 0); /* removes a link itself, not where it leads */
    int errnum = errno;
    as_user_end();
    if (status != 0)
        return reach_error(err, errnum);
    forget(transfers, path, moment);
    return 0;
}
