/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at what runs: jobs, nodes, images, the web tier. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "jobs/ctl_doctor.h"
#include "lib/io/http.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/status_repo.h"
#include "lib/service/health.h"

enum { WEB_TIMEOUT_MS = 5000, WEB_BODY_MAX = 64 * 1024 };

void doctor_jobs(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    cleanup(health_report_release) struct health_report report = { 0 };
    struct err err = ERR_INIT;
    if (context_open_storage(&ctl->context, &err) != 0)
        return;
    health_service_report(&ctl->context, &report);
    context_close_storage(&ctl->context);
    for (size_t i = 0; i < HEALTH_JOBS; i++) {
        const struct job_health *job = &report.jobs[i];
        char next[128];
        bool good = job->health == HEALTH_GOOD;
        snprintf(next, sizeof(next), "start sandbox-%s, and look at its log", job->name);
        if (!job->last)
            doctor_say(doctor, DOCTOR_FAIL, "job", next, "sandbox-%s was never seen", job->name);
        else
            doctor_say(doctor, good ? DOCTOR_OK : DOCTOR_FAIL, "job", good ? NULL : next, "sandbox-%s (%s) was seen %.1f s ago", job->name,
                       job->last->instance, (double)job->last->silent_ms / 1000);
    }
}

/* A process of this host whose program was replaced while it ran. */
static bool is_outdated(int64_t pid)
{
    char link[64], target[512];
    snprintf(link, sizeof(link), "/proc/%" PRId64 "/exe", pid);
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    static const char gone[] = " (deleted)";
    size_t tail = sizeof(gone) - 1;
    return len > (ssize_t)tail && memcmp(target + len - tail, gone, tail) == 0;
}

void doctor_programs(struct doctor *doctor)
{
    cleanup(job_list_release) struct job_list beats = { 0 };
    struct err err = ERR_INIT;
    char host[256] = "";
    int here = 0, outdated = 0;
    gethostname(host, sizeof(host) - 1);
    if (job_repo_list(doctor->ctl->context.db, &beats, &err) != 0)
        return;
    for (size_t i = 0; i < beats.count; i++) {
        const struct job_beat *beat = &beats.items[i];
        size_t len = strcspn(beat->instance, ":");
        if (strncmp(beat->instance, host, len) != 0 || !job_alive(beat))
            continue;
        here++;
        if (!is_outdated(beat->pid))
            continue;
        outdated++;
        doctor_say(doctor, DOCTOR_WARN, "programs", "restart it", "%s (process %" PRId64 ") runs a program that was replaced since", beat->instance,
                   beat->pid);
    }
    if (!outdated)
        doctor_say(doctor, DOCTOR_OK, "programs", NULL, "%d jobs of this host run what is installed", here);
}

void doctor_nodes(struct doctor *doctor)
{
    cleanup(node_list_release) struct node_list nodes = { 0 };
    struct err err = ERR_INIT;
    size_t good = 0;
    if (node_repo_list(doctor->ctl->context.db, &nodes, &err) != 0)
        return;
    for (size_t i = 0; i < nodes.count; i++)
        good += health_of_node(&nodes.items[i]) == HEALTH_GOOD;
    for (size_t i = 0; i < nodes.count; i++) {
        const struct node *node = &nodes.items[i];
        bool works = health_of_node(node) == HEALTH_GOOD, ready = works && strcmp(node->status, "ready") == 0;
        doctor_say(doctor, ready ? DOCTOR_OK : good ? DOCTOR_WARN : DOCTOR_FAIL, "node",
                   ready   ? NULL
                   : works ? "'sandboxctl nodes ready ID' takes it into service again"
                           : "look at its engine, and at the log of the sandbox-provisiond that serves it; or 'sandboxctl nodes remove ID'",
                   "%s is %s: %" PRId64 " of %" PRId64 " containers%s%s", node->id, works ? node->status : "offline", node->used_containers,
                   node->max_containers, node->error ? "; " : "", node->error ? node->error : "");
    }
    if (nodes.count == 0)
        doctor_say(doctor, DOCTOR_FAIL, "node", "start sandbox-provisiond", "there is none");
}

void doctor_images(struct doctor *doctor)
{
    cleanup(string_list_release) struct string_list missing = { 0 };
    struct err err = ERR_INIT;
    bool known = false;
    if (status_repo_missing_images(doctor->ctl->context.db, &missing, &known, &err) != 0 || !known)
        return; /* no engine has said what it has: the process runtime has none */
    for (size_t i = 0; i < missing.count; i++)
        doctor_say(doctor, DOCTOR_WARN, "image", "images/build.sh makes ours; pull or build others on a node, or let it be pulled",
                   "no node has the image of template %s", missing.items[i]);
    if (missing.count == 0)
        doctor_say(doctor, DOCTOR_OK, "image", NULL, "every template's image is on some node");
}

static bool any_address(void *arg, const struct sockaddr *address)
{
    (void)arg;
    (void)address;
    return true;
}

/* Status of a GET without a token; 0 with err. */
static int get(struct http *http, const char *base, const char *path, struct err *err)
{
    static const struct http_guard guard = { .may_connect = any_address };
    cleanup_strbuf struct strbuf url = STRBUF_INIT(1024), body = STRBUF_INIT(WEB_BODY_MAX);
    int status = 0;
    size_t len = strlen(base);
    strbuf_add(&url, base, len > 0 && base[len - 1] == '/' ? len - 1 : len);
    strbuf_add_str(&url, path);
    const struct http_request request = { .method = "GET", .url = strbuf_str(&url), .guard = &guard, .timeout_ms = WEB_TIMEOUT_MS };
    return http_fetch(http, &request, &status, &body, err) == 0 ? status : 0;
}

void doctor_web(struct doctor *doctor)
{
    struct err err = ERR_INIT;
    if (!doctor->url)
        return;
    struct http *http = http_new(&err);
    int health = http ? get(http, doctor->url, "/health", &err) : 0;
    if (health == 200)
        doctor_say(doctor, DOCTOR_OK, "web", NULL, "%s/health answers 200", doctor->url);
    else
        doctor_say(doctor, DOCTOR_FAIL, "web",
                   health ? "look at the log of sandbox-api" : "start the web server with etc/'s sample configuration, and look at its error log",
                   "%s/health: HTTP status %d; %s %s", doctor->url, health, health ? "200 was expected" : err.text, err.detail);
    int guarded = health ? get(http, doctor->url, "/api/v1/sessions", &err) : 0;
    if (guarded)
        doctor_say(doctor, guarded == 401 ? DOCTOR_OK : DOCTOR_FAIL, "web",
                   guarded == 401 ? NULL : "the requests must reach sandbox-api as they are: see the sample configuration",
                   "without a token, /api/v1/sessions answers %d%s", guarded, guarded == 401 ? "" : ", not 401");
    http_free(http);
}
