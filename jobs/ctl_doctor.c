/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl doctor: checks the whole installation, as far as it can be reached, and says what to mend. */
#include "jobs/ctl_doctor.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "lib/util/json.h"

enum { TEXT_MAX = 1024, NEVER_FOR_OTHERS = S_IROTH | S_IWOTH, URL_OPTION = 0, JSON_OPTION = 1 };

/* What a check needs before it makes sense. */
enum need { NEED_SETTINGS, NEED_DATABASE };

static const struct {
    void (*check)(struct doctor *doctor);
    enum need need;
} checks[] = {
    { doctor_database, NEED_SETTINGS },
    { doctor_server, NEED_DATABASE },
    { doctor_privileges, NEED_DATABASE },
    { doctor_schema, NEED_DATABASE },
    { doctor_clock, NEED_DATABASE },
    { doctor_storage, NEED_SETTINGS },
    { doctor_runtime_directory, NEED_SETTINGS },
    { doctor_executor, NEED_SETTINGS },
    { doctor_engine, NEED_SETTINGS },
    { doctor_disk, NEED_SETTINGS },
    { doctor_files, NEED_SETTINGS },
    { doctor_doorbells, NEED_SETTINGS },
    { doctor_jobs, NEED_DATABASE },
    { doctor_programs, NEED_DATABASE },
    { doctor_nodes, NEED_DATABASE },
    { doctor_images, NEED_DATABASE },
    { doctor_web, NEED_SETTINGS },
};

static const char *const level_names[] = { "ok", "warn", "FAIL" };

static void add_line(struct doctor *doctor, enum doctor_level level, const char *part, const char *text, const char *next)
{
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, "level", json_object_new_string(level_names[level]));
    json_object_object_add(line, "part", json_object_new_string(part));
    json_object_object_add(line, "text", json_object_new_string(text));
    json_object_object_add(line, "next", next ? json_object_new_string(next) : NULL);
    json_object_array_add(doctor->lines, line);
}

void doctor_say(struct doctor *doctor, enum doctor_level level, const char *part, const char *next, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c; c++) /* texts of others must not steer the terminal */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    doctor->counts[level]++;
    if (doctor->lines) {
        add_line(doctor, level, part, text, next);
        return;
    }
    printf("%-5s %-12s %s%s%s\n", level_names[level], part, text, next ? " -> " : "", next ? next : "");
    fflush(stdout); /* what comes next may take a while */
}

static bool check_settings(struct doctor *doctor)
{
    struct ctl *ctl = doctor->ctl;
    struct err err = ERR_INIT;
    struct stat found;
    const char *path = settings_path(ctl->config);
    if (settings_load(ctl->config, &ctl->settings, &err) != 0) {
        doctor_say(doctor, DOCTOR_FAIL, "settings", "mend the file; 'sandboxctl config sample' explains every setting", "%s", err.text);
        return false;
    }
    bool open = stat(path, &found) == 0 && (found.st_mode & NEVER_FOR_OTHERS) != 0;
    doctor_say(doctor, open ? DOCTOR_WARN : DOCTOR_OK, "settings",
               open ? "it holds secrets: owner root, group of the web workers, chmod 0640" : NULL, "%s is complete and valid%s", path,
               open ? ", but every user of this host may read it" : "");
    return true;
}

static int prepare(struct ctl *ctl, struct err *err)
{
    ctl->context.settings = ctl->settings;
    ctl->context.db = db_new(&ctl->settings->database);
    return ctl->context.db ? 0 : err_internal(err, 0, "out of memory");
}

static void run_checks(struct doctor *doctor)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i].need != NEED_DATABASE || doctor->database)
            checks[i].check(doctor);
    if (!doctor->database)
        doctor_say(doctor, DOCTOR_WARN, "doctor", "run it again when the database answers",
                   "what only the database knows was not looked at (server, schema, jobs, nodes, images)");
}

static int print_json(const struct doctor *doctor, struct err *err)
{
    cleanup_json struct json_object *root = json_object_new_object();
    if (!root)
        return err_internal(err, 0, "out of memory");
    json_object_object_add(root, "failed", json_object_new_int(doctor->counts[DOCTOR_FAIL]));
    json_object_object_add(root, "warnings", json_object_new_int(doctor->counts[DOCTOR_WARN]));
    json_object_object_add(root, "checks", json_object_get(doctor->lines));
    puts(json_text(root));
    return 0;
}

int ctl_doctor(struct ctl *ctl, struct err *err)
{
    cleanup_json struct json_object *lines = NULL;
    if (ctl->options[JSON_OPTION] && !(lines = json_object_new_array()))
        return err_internal(err, 0, "out of memory");
    struct doctor doctor = { .ctl = ctl, .url = ctl->options[URL_OPTION], .lines = lines };
    if (check_settings(&doctor)) {
        if (prepare(ctl, err) != 0)
            return -1;
        run_checks(&doctor);
    }
    ctl->unwell = doctor.counts[DOCTOR_FAIL] > 0;
    if (lines)
        return print_json(&doctor, err);
    printf("%d failed, %d warnings, %d ok\n", doctor.counts[DOCTOR_FAIL], doctor.counts[DOCTOR_WARN], doctor.counts[DOCTOR_OK]);
    return 0;
}
