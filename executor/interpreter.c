/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one waiting interpreter a language, and repairs what dies. */
#include "executor/interpreter.h"

#include <errno.h>
#include <string.h>

#include "executor/engine.h"
#include "executor/interpreter_list.h"
#include "executor/node.h"
#include "executor/shell.h"
#include "executor/zygote.h"
#include "lib/util/log.h"

enum {
    ATTEMPTS_MAX = 3,
    RETRY_MS = 100,
    FORK_ATTEMPTS_MAX = 50,
    PRELOAD_ATTEMPTS_MAX = 2,
};

struct interpreters {
    struct event_base *base;
    const struct setup *setup;
    const struct confine *confine;
    struct zygote zygote;
    struct event *answers, *retry, *linger;
    struct interpreter *starting; /* asked for, not forked yet; some are taken already (on_ready is set) */
    struct interpreter *waiting;  /* ready, not taken */
    uint64_t last_number;
    int deaths[LANGUAGES]; /* of waiting processes, since one was last asked for */
    bool said_ready;
    int generation;      /* how often a process with more modules has taken over the forking */
    bool warm;           /* the one that forks now imports no more */
    int preload_deaths;  /* of forking processes that were to have modules */
};

static void retry_later(struct interpreters *interpreters)
{
    const struct timeval delay = { 0, RETRY_MS * 1000 };
    if (!evtimer_pending(interpreters->retry, NULL))
        (void)evtimer_add(interpreters->retry, &delay);
}

/* It will not start: tells who waits for it, or forgets it. */
static void give_up(struct interpreters *interpreters, struct interpreter *interpreter, const struct err *err)
{
    interpreter_unlink(&interpreters->starting, interpreter);
    if (interpreter->on_ready) {
        interpreter->on_ready(interpreter->arg, err); /* which drops it */
        return;
    }
    log_err(LOG_LEVEL_WARN, "an interpreter cannot be kept ready", err, "language",
            language_name(interpreter->language));
    interpreter_free(interpreter);
}

static void on_answers(evutil_socket_t fd, short what, void *arg);

/* A forking process that ends may have been ended by its modules: they are tried twice, code runs without them. */
static bool wants_preload(const struct interpreters *interpreters)
{
    return interpreters->setup->preload_count > 0 && interpreters->preload_deaths < PRELOAD_ATTEMPTS_MAX;
}

static int ensure_zygote(struct interpreters *interpreters, struct err *err)
{
    if (interpreters->zygote.pid > 0)
        return 0;
    bool preload = wants_preload(interpreters);
    if (zygote_start(&interpreters->zygote, interpreters->setup, preload, interpreters->confine, err) != 0)
        return -1;
    interpreters->warm = !preload;
    interpreters->answers = event_new(interpreters->base, interpreters->zygote.control, EV_READ | EV_PERSIST, on_answers,
                                      interpreters);
    if (!interpreters->answers || event_add(interpreters->answers, NULL) != 0)
        return err_internal(err, 0, "cannot watch the Python process");
    return 0;
}

static int request_fork(struct interpreters *interpreters, struct interpreter *interpreter, struct err *err)
{
    interpreter->attempts++;
    if (ensure_zygote(interpreters, err) != 0)
        return -1;
    struct err refused = ERR_INIT; /* it has just died, or has many requests: the retry sees to both */
    interpreter->asked = zygote_request(&interpreters->zygote, interpreter->number, interpreter->channel.child,
                                        CHANNEL_FDS, &refused) == 0;
    if (!interpreter->asked)
        retry_later(interpreters);
    return 0;
}

static bool is_kept(const struct interpreters *interpreters, enum language language)
{
    return interpreters->setup->keep[language] && language != LANGUAGE_SHELL;
}

/* Code in a language that the sandbox was not made for may be followed by more of it. */
static bool lingers(const struct interpreters *interpreters, enum language language)
{
    return language == LANGUAGE_JAVASCRIPT && evtimer_pending(interpreters->linger, NULL);
}

static void note_use(struct interpreters *interpreters, enum language language)
{
    int64_t ms = interpreters->setup->linger_ms;
    const struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    if (language == LANGUAGE_JAVASCRIPT && ms > 0 && !is_kept(interpreters, language))
        (void)evtimer_add(interpreters->linger, &delay);
}

/* Nobody came again: the memory is worth more. It ends as its channel closes. */
static void on_linger(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct interpreters *interpreters = arg;
    struct interpreter *waiting = interpreter_find_free(interpreters->waiting, LANGUAGE_JAVASCRIPT);
    interpreter_unlink(&interpreters->waiting, waiting);
    interpreter_free(waiting);
}

/* Says once, at the start, that one of each language waits that can be had. */
static void say_when_ready(struct interpreters *interpreters)
{
    cleanup_strbuf struct strbuf names = STRBUF_INIT(128);
    for (int language = 0; language < LANGUAGES; language++) {
        enum language kept = (enum language)language;
        if (interpreters->said_ready || !is_kept(interpreters, kept) || interpreters->deaths[kept] > ATTEMPTS_MAX)
            continue;
        if (!interpreter_find_free(interpreters->waiting, kept))
            return;
        strbuf_addf(&names, "%s%s", names.len ? "," : "", language_name(kept));
    }
    if (names.len == 0)
        return;
    interpreters->said_ready = true;
    log_event(LOG_LEVEL_INFO, "interpreters ready", LOG_STR("languages", strbuf_str(&names)));
}

/* One that can be taken and has all that it could have. New ones stand in front. */
static bool is_there(const struct interpreters *interpreters, enum language language)
{
    const struct interpreter *first = interpreter_find_free(interpreters->waiting, language);
    return first && (language != LANGUAGE_PYTHON || first->generation == interpreters->generation);
}

static void forked(struct interpreters *interpreters, struct interpreter *interpreter, pid_t pid)
{
    interpreter->pid = pid;
    interpreter->generation = interpreters->generation;
    channel_close_child(&interpreter->channel);
    interpreter_unlink(&interpreters->starting, interpreter);
    if (interpreter->on_ready) {
        interpreter->on_ready(interpreter->arg, NULL);
        return;
    }
    interpreter_push(&interpreters->waiting, interpreter);
    interpreter_drop_others(&interpreters->waiting, interpreter); /* what was good enough until now ends as its channel closes */
    say_when_ready(interpreters);
}

static void take_fork(struct interpreters *interpreters, const struct zygote_answer *answer)
{
    struct interpreter *interpreter = interpreter_find(interpreters->starting, answer->number);
    if (interpreter && answer->pid > 0) {
        forked(interpreters, interpreter, answer->pid);
    } else if (interpreter) { /* no room for a process just now */
        interpreter->asked = false;
        retry_later(interpreters);
    }
}

/* The process that forks from now on has the modules, if it is another one. */
static void take_over(struct interpreters *interpreters, pid_t pid)
{
    if (pid != interpreters->zygote.pid)
        interpreters->generation++;
    interpreters->zygote.pid = pid;
    interpreters->warm = true;
    interpreters_refill_later(interpreters);
}

static void take_answers(struct interpreters *interpreters)
{
    struct zygote_answer answer;
    while (interpreters->zygote.control >= 0 && zygote_receive(&interpreters->zygote, &answer) > 0) {
        if (answer.word == ZYGOTE_FORKED)
            take_fork(interpreters, &answer);
        else if (answer.word == ZYGOTE_WARM)
            take_over(interpreters, answer.pid);
        else
            log_event(LOG_LEVEL_WARN, "a module is not imported ahead", LOG_STR("module", answer.module),
                      LOG_STR("reason", answer.reason));
    }
}

static void on_answers(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    take_answers(arg);
}

static void close_zygote(struct interpreters *interpreters)
{
    if (interpreters->answers)
        event_free(interpreters->answers);
    interpreters->answers = NULL;
    zygote_stop(&interpreters->zygote);
}

static void refill(struct interpreters *interpreters);

/* Asks again for those that were asked for and did not come; then for what is missing. */
static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct interpreters *interpreters = arg;
    struct interpreter *next;
    for (struct interpreter *interpreter = interpreters->starting; interpreter; interpreter = next) {
        struct err err = ERR_INIT;
        next = interpreter->next;
        if (interpreter->asked)
            continue;
        if (interpreter->attempts >= FORK_ATTEMPTS_MAX)
            err_set(&err, ERR_UNAVAILABLE, "The sandbox cannot start another Python process.");
        else if (interpreters->deaths[LANGUAGE_PYTHON] > ATTEMPTS_MAX)
            err_set(&err, ERR_NOT_FOUND, "Python does not start in the sandbox's image.");
        if (err.code == ERR_NONE && request_fork(interpreters, interpreter, &err) == 0)
            continue;
        give_up(interpreters, interpreter, &err);
    }
    refill(interpreters);
}

struct interpreters *interpreters_new(struct event_base *base, const struct setup *setup, const struct confine *confine,
                                      struct err *err)
{
    struct interpreters *interpreters = calloc(1, sizeof(*interpreters));
    if (interpreters) {
        *interpreters = (struct interpreters){ .base = base, .setup = setup, .confine = confine,
                                               .zygote = { .control = -1 } };
        interpreters->retry = evtimer_new(base, on_retry, interpreters);
        interpreters->linger = evtimer_new(base, on_linger, interpreters);
    }
    if (!interpreters || !interpreters->retry || !interpreters->linger || event_priority_set(interpreters->retry, ENGINE_LATER) != 0) {
        free(interpreters);
        err_internal(err, errno, "out of memory");
        return NULL;
    }
    return interpreters;
}

void interpreters_free(struct interpreters *interpreters)
{
    if (!interpreters)
        return;
    struct interpreter **lists[] = { &interpreters->starting, &interpreters->waiting };
    for (size_t i = 0; i < 2; i++)
        while (*lists[i]) {
            struct interpreter *first = *lists[i];
            *lists[i] = first->next;
            interpreter_free(first);
        }
    close_zygote(interpreters);
    event_free(interpreters->retry);
    event_free(interpreters->linger);
    free(interpreters);
}

static int start_node(struct interpreters *interpreters, struct interpreter *interpreter, struct err *err)
{
    pid_t pid = node_start(interpreters->setup, &interpreter->channel, interpreters->confine, err);
    if (pid < 0)
        return -1;
    interpreter->pid = pid;
    channel_close_child(&interpreter->channel);
    return 0;
}

static struct interpreter *start(struct interpreters *interpreters, enum language language, struct err *err)
{
    struct interpreter *interpreter = interpreter_new(language, ++interpreters->last_number, err);
    if (!interpreter)
        return NULL;
    int status = language == LANGUAGE_PYTHON ? request_fork(interpreters, interpreter, err)
                                             : start_node(interpreters, interpreter, err);
    if (status != 0) {
        interpreter_free(interpreter);
        return NULL;
    }
    interpreter_push(interpreter->pid > 0 ? &interpreters->waiting : &interpreters->starting, interpreter);
    return interpreter;
}

static void refill(struct interpreters *interpreters)
{
    for (int language = 0; language < LANGUAGES; language++) {
        enum language kept = (enum language)language;
        struct err err = ERR_INIT;
        if ((!is_kept(interpreters, kept) && !lingers(interpreters, kept)) || interpreters->deaths[kept] > ATTEMPTS_MAX ||
            is_there(interpreters, kept) || interpreter_find_free(interpreters->starting, kept))
            continue;
        if (!start(interpreters, kept, &err) && err.code != ERR_UNAVAILABLE)
            interpreters->deaths[kept] = ATTEMPTS_MAX + 1; /* no such interpreter: an execution that wants it will say so */
    }
    say_when_ready(interpreters);
}

void interpreters_refill_later(struct interpreters *interpreters)
{
    event_active(interpreters->retry, EV_TIMEOUT, 0);
}

struct interpreter *interpreter_take(struct interpreters *interpreters, enum language language,
                                     void (*on_ready)(void *arg, const struct err *err), void *arg, struct err *err)
{
    struct interpreter *interpreter = interpreter_find_free(interpreters->waiting, language);
    if (!interpreter)
        interpreter = interpreter_find_free(interpreters->starting, language);
    interpreters->deaths[language] = 0; /* somebody wants it: try once more, whatever happened before */
    if (!interpreter)
        interpreter = start(interpreters, language, err);
    if (!interpreter)
        return NULL;
    note_use(interpreters, language);
    interpreter_unlink(&interpreters->waiting, interpreter);
    interpreter->on_ready = on_ready;
    interpreter->arg = arg;
    return interpreter;
}

void interpreter_drop(struct interpreters *interpreters, struct interpreter *interpreter)
{
    if (!interpreter)
        return;
    interpreter_unlink(&interpreters->starting, interpreter);
    interpreter_free(interpreter);
}

struct interpreter *interpreter_shell(struct interpreters *interpreters, const struct shell *shell, struct err *err)
{
    return shell_start(interpreters->setup, interpreters->confine, ++interpreters->last_number, shell, err);
}

bool interpreters_reaped(struct interpreters *interpreters, const struct reaped *child)
{
    take_answers(interpreters); /* what it said before it died comes first */
    if (interpreters->zygote.pid == child->pid) {
        log_event(LOG_LEVEL_WARN, "the Python process ended", LOG_INT("wait_status", child->status));
        close_zygote(interpreters);
        for (struct interpreter *lost = interpreters->starting; lost; lost = lost->next)
            lost->asked = false;
        interpreters->deaths[LANGUAGE_PYTHON]++;
        interpreters->preload_deaths += interpreters->setup->preload_count > 0;
        retry_later(interpreters);
        return true;
    }
    for (struct interpreter *waiting = interpreters->waiting; waiting; waiting = waiting->next) {
        if (waiting->pid != child->pid)
            continue;
        log_event(LOG_LEVEL_WARN, "a waiting interpreter ended", LOG_STR("language", language_name(waiting->language)),
                  LOG_INT("wait_status", child->status));
        interpreter_unlink(&interpreters->waiting, waiting);
        interpreters->deaths[waiting->language]++;
        interpreter_free(waiting);
        retry_later(interpreters);
        return true;
    }
    return false;
}

bool interpreters_preparing(const struct interpreters *interpreters)
{
    if (!is_kept(interpreters, LANGUAGE_PYTHON) || !wants_preload(interpreters) || interpreters->deaths[LANGUAGE_PYTHON] > ATTEMPTS_MAX)
        return false;
    return interpreters->zygote.pid <= 0 || !interpreters->warm || !is_there(interpreters, LANGUAGE_PYTHON);
}

bool interpreters_has(const struct interpreters *interpreters, pid_t pid)
{
    const struct interpreter *waiting = interpreters->waiting;
    while (waiting && waiting->pid != pid)
        waiting = waiting->next;
    return waiting || interpreters->zygote.pid == pid;
}
