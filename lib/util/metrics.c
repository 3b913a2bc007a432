/* SPDX-License-Identifier: Apache-2.0 */
/* The file that is counted in. */
#include "lib/util/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/util/clock.h"
#include "lib/util/metrics_layout.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counting takes no lock");
_Static_assert(sizeof(struct metrics_head) % 64 == 0, "slots begin on a cache line");

struct metrics {
    struct metrics_layout layout;
    struct metrics_head *head; /* the mapping */
    _Atomic uint64_t *slots;
    size_t size;
};

/* With what leads to it; that it cannot be made shows when it is used. */
static void make_directory(const char *directory)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s", directory);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) == 0)
            chmod(path, 0755); /* whatever the mask: others read here */
        *slash = '/';
    }
    if (mkdir(path, 0755) == 0)
        chmod(path, 0755);
}

/* Two that start at once must not both replace the file. Readable by its owner alone: nobody else can hold us up. */
static int lock_directory(int directory, struct err *err)
{
    cleanup_fd int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return err_internal(err, errno, "lock of the metrics' directory");
    return steal_fd(&lock);
}

/* The file as it is, if it fits; -1: it does not. */
static int open_present(const struct metrics *metrics, int directory, const char *name)
{
    struct metrics_head head;
    struct stat info;
    cleanup_fd int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != (off_t)metrics->size ||
        pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || !metrics_head_fits(&metrics->layout, &head))
        return -1;
    return steal_fd(&fd);
}

/* Every page is taken now: a full file system must not be noticed while counting, by SIGBUS. */
static int fill(int fd, const struct metrics *metrics)
{
    struct metrics_head head = {
        .magic = METRICS_MAGIC, /* without its NUL */
        .layout = metrics->layout.hash,
        .slots = metrics->layout.slots,
        .started_ms = clock_wall_ms(),
    };
    int errnum = posix_fallocate(fd, 0, (off_t)metrics->size);
    if (errnum != 0)
        return errnum;
    if (fchmod(fd, 0644) != 0 || pwrite(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return errno ? errno : EIO;
    return 0;
}

/* Complete before it has its name; what was there before is only unlinked. */
static int open_new(const struct metrics *metrics, int directory, const char *name, struct err *err)
{
    cleanup_fd int fd = openat(directory, "new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int errnum = fd < 0 ? errno : fill(fd, metrics);
    if (errnum == 0 && renameat(directory, "new", directory, name) != 0)
        errnum = errno;
    if (errnum == 0)
        return steal_fd(&fd);
    unlinkat(directory, "new", 0);
    return err_internal(err, errnum, "making a file of metrics");
}

static int map_file(struct metrics *metrics, const char *path, const char *name, struct err *err)
{
    make_directory(path);
    cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return err_internal(err, errno, "metrics' directory %s", path);
    cleanup_fd int lock = lock_directory(directory, err);
    if (lock < 0)
        return err_wrap(err, "%s", path);
    cleanup_fd int fd = open_present(metrics, directory, name);
    if (fd < 0)
        fd = open_new(metrics, directory, name, err);
    if (fd < 0)
        return err_wrap(err, "%s", path);
    void *at = mmap(NULL, metrics->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return err_internal(err, errno, "mapping metrics in %s", path);
    metrics->head = at;
    metrics->slots = (_Atomic uint64_t *)(metrics->head + 1);
    return 0;
}

struct metrics *metrics_open(const char *directory, const char *name, const struct metrics_table *table,
                             struct err *err)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (!metrics) {
        err_internal(err, 0, "out of memory for metrics");
        return NULL;
    }
    int status = metrics_layout_init(&metrics->layout, table, err);
    if (status == 0) {
        metrics->size = metrics_file_size(&metrics->layout);
        status = map_file(metrics, directory, name, err);
    }
    if (status == 0)
        return metrics;
    metrics_close(metrics);
    return NULL;
}

void metrics_close(struct metrics *metrics)
{
    if (!metrics)
        return;
    if (metrics->head)
        munmap(metrics->head, metrics->size);
    metrics_layout_release(&metrics->layout);
    free(metrics);
}

static void add(struct metrics *metrics, size_t slot, uint64_t count)
{
    atomic_fetch_add_explicit(&metrics->slots[slot], count, memory_order_relaxed);
}

void metrics_add(struct metrics *metrics, size_t metric, size_t a, size_t b, uint64_t count)
{
    size_t slot = metrics ? metrics_slot(&metrics->layout, metric, a, b) : SIZE_MAX;
    if (slot != SIZE_MAX)
        add(metrics, slot, count);
}

void metrics_observe(struct metrics *metrics, size_t metric, size_t a, size_t b, int64_t us)
{
    size_t slot = metrics ? metrics_slot(&metrics->layout, metric, a, b) : SIZE_MAX;
    if (slot == SIZE_MAX || metrics->layout.places[metric].buckets == 0)
        return;
    const int64_t *bounds = metrics->layout.table->metrics[metric].bounds_us;
    size_t bucket = 0;
    us = us > 0 ? us : 0; /* a clock that was set back */
    while (bounds[bucket] && us > bounds[bucket])
        bucket++;
    add(metrics, slot + bucket, 1);
    add(metrics, slot + metrics->layout.places[metric].buckets, (uint64_t)us);
}
