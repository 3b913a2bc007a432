/* SPDX-License-Identifier: Apache-2.0 */
/* A list of pulls under a lock, and a thread for each. */
#include "lib/service/image_pulls.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/runtime/runtime.h"
#include "lib/util/clock.h"

enum { AT_ONCE = 3, TRIES = 3, PAUSE_MS = 2000, FAILURE_KEPT_MS = 10000 };

struct pull {
    struct pull *next;
    struct image_pulls *pulls;
    pthread_t thread;
    char *image;
    char text[128];
    bool ended;
    struct err failure; /* ERR_NONE: it is there */
    int64_t ended_ms;
};

struct image_pulls {
    const struct settings *settings;
    report_fn report;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct pull *first;
    bool stopping;
};

struct image_pulls *image_pulls_new(const struct settings *settings, report_fn report, struct err *err)
{
    struct image_pulls *pulls = calloc(1, sizeof(*pulls));
    if (!pulls) {
        err_internal(err, ENOMEM, "preparing to pull images");
        return NULL;
    }
    pulls->settings = settings;
    pulls->report = report;
    pthread_mutex_init(&pulls->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pulls->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pulls;
}

static void pull_free(struct pull *pull)
{
    pthread_join(pull->thread, NULL);
    free(pull->image);
    free(pull);
}

void image_pulls_free(struct image_pulls *pulls)
{
    if (!pulls)
        return;
    pthread_mutex_lock(&pulls->mutex);
    pulls->stopping = true;
    pthread_cond_broadcast(&pulls->wake);
    pthread_mutex_unlock(&pulls->mutex);
    for (struct pull *pull; (pull = pulls->first);) {
        pulls->first = pull->next;
        pull_free(pull);
    }
    pthread_cond_destroy(&pulls->wake);
    pthread_mutex_destroy(&pulls->mutex);
    free(pulls);
}

static bool on_progress(void *arg, const char *text)
{
    struct pull *pull = arg;
    pthread_mutex_lock(&pull->pulls->mutex);
    snprintf(pull->text, sizeof(pull->text), "%s", text);
    bool go = !pull->pulls->stopping;
    pthread_mutex_unlock(&pull->pulls->mutex);
    return go;
}

/* False: the end. */
static bool pause_pull(struct image_pulls *pulls)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PAUSE_MS / 1000;
    pthread_mutex_lock(&pulls->mutex);
    while (!pulls->stopping && pthread_cond_timedwait(&pulls->wake, &pulls->mutex, &end) != ETIMEDOUT)
        continue;
    bool go = !pulls->stopping;
    pthread_mutex_unlock(&pulls->mutex);
    return go;
}

static int try(struct pull *pull, struct err *err)
{
    const struct runtime_pull how = { .image = pull->image, .on_progress = on_progress, .arg = pull };
    struct runtime *runtime = runtime_open(&pull->pulls->settings->runtime, err);
    int status = runtime ? runtime_pull(runtime, &how, err) : -1;
    runtime_free(runtime);
    return status;
}

static void *run(void *arg)
{
    struct pull *pull = arg;
    struct image_pulls *pulls = pull->pulls;
    struct err err = ERR_INIT;
    int status = try(pull, &err);
    for (int i = 1; status != 0 && err.code == ERR_UNAVAILABLE && i < TRIES && pause_pull(pulls); i++)
        status = try(pull, &err);
    pulls->report(status == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, status == 0 ? "image pulled" : "image could not be pulled",
                  status == 0 ? NULL : &err, "image", pull->image);
    pthread_mutex_lock(&pulls->mutex);
    pull->failure = status == 0 ? ERR_INIT : err;
    pull->ended = true;
    pull->ended_ms = clock_mono_ms();
    pthread_mutex_unlock(&pulls->mutex);
    return NULL;
}

/* Under the lock: what nobody needs to hear of any more goes. */
static void tidy(struct image_pulls *pulls)
{
    int64_t now = clock_mono_ms();
    for (struct pull **link = &pulls->first; *link;) {
        struct pull *pull = *link;
        if (!pull->ended || (pull->failure.code != ERR_NONE && now - pull->ended_ms < FAILURE_KEPT_MS)) {
            link = &pull->next;
            continue;
        }
        *link = pull->next;
        pull_free(pull);
    }
}

static struct pull *find(const struct image_pulls *pulls, const char *image, size_t *under_way_out)
{
    struct pull *found = NULL;
    *under_way_out = 0;
    for (struct pull *pull = pulls->first; pull; pull = pull->next) {
        *under_way_out += !pull->ended;
        if (strcmp(pull->image, image) == 0)
            found = pull;
    }
    return found;
}

static struct pull *start(struct image_pulls *pulls, const char *image, struct err *err)
{
    struct pull *pull = calloc(1, sizeof(*pull));
    char *copy = strdup(image);
    if (pull && copy) {
        *pull = (struct pull){ .pulls = pulls, .image = copy, .next = pulls->first };
        int failed = pthread_create(&pull->thread, NULL, run, pull);
        if (failed == 0) {
            pulls->first = pull;
            return pull;
        }
    }
    free(copy);
    free(pull);
    err_internal(err, ENOMEM, "starting to pull an image");
    return NULL;
}

static enum image_pull ask(struct image_pulls *pulls, const char *image, bool begin, char text[IMAGE_PULL_TEXT_SIZE], struct err *err)
{
    size_t under_way = 0;
    tidy(pulls);
    struct pull *pull = find(pulls, image, &under_way);
    if (!pull && !begin)
        return IMAGE_PULL_NONE;
    if (!pull && under_way >= AT_ONCE) {
        snprintf(text, IMAGE_PULL_TEXT_SIZE, "Its image will be pulled when others are there.");
        return IMAGE_PULL_UNDER_WAY;
    }
    if (!pull && !(pull = start(pulls, image, err)))
        return IMAGE_PULL_FAILED;
    if (pull->ended) {
        *err = pull->failure;
        return IMAGE_PULL_FAILED;
    }
    snprintf(text, IMAGE_PULL_TEXT_SIZE, "Its image is being pulled%s%s.", pull->text[0] ? ": " : "", pull->text);
    return IMAGE_PULL_UNDER_WAY;
}

enum image_pull image_pulls_ask(struct image_pulls *pulls, const char *image, bool begin, char text[IMAGE_PULL_TEXT_SIZE], struct err *err)
{
    pthread_mutex_lock(&pulls->mutex);
    enum image_pull state = ask(pulls, image, begin, text, err);
    pthread_mutex_unlock(&pulls->mutex);
    return state;
}
