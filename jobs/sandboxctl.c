/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl: the operator's tool. Exit codes: 0 done, 1 failed, 2 wrong usage. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

static const struct ctl_command commands[] = {
    { .group = "migrate", .options = { { "--dir", "DIR", "where the migrations are (default: as installed)", false } },
      .summary = "bring the database to this release's schema; repeatable", .needs = CTL_SETTINGS,
      .run = ctl_migrate },
    { .group = "token", .verb = "create",
      .options = { { "--owner", "NAME", "whose sessions it may see and make", true },
                   { "--scopes", "LIST", "of sessions, templates, admin, separated by commas (default: sessions)", false },
                   { "--expires-days", "N", "days it is valid (default: for ever)", false } },
      .summary = "make an access token and print it, once", .needs = CTL_DATABASE, .run = ctl_token_create },
    { .group = "token", .verb = "list", .summary = "show all tokens (never their text)",
      .needs = CTL_DATABASE, .run = ctl_token_list },
    { .group = "token", .verb = "revoke", .arguments = { "ID" }, .summary = "end a token at once",
      .needs = CTL_DATABASE, .run = ctl_token_revoke },
    { .group = "token", .verb = "check", .summary = "read a token from standard input and say whether it is valid",
      .needs = CTL_DATABASE, .run = ctl_token_check },
    { .group = "template", .verb = "list", .summary = "show all templates", .needs = CTL_DATABASE,
      .run = ctl_template_list },
    { .group = "template", .verb = "pool", .arguments = { "ID", "TARGET" },
      .options = { { "--min", "N", "kept even when no session comes, at most TARGET", false },
                   { "--max-idle", "SECONDS", "without a session for so long, the pool goes down to its minimum; 0: never", false } },
      .summary = "keep TARGET containers of a template warm", .needs = CTL_DATABASE, .run = ctl_template_pool },
    { .group = "pool", .summary = "show the warm pool of each template: what it should have, wants now, and has", .needs = CTL_DATABASE,
      .run = ctl_pool },
    { .group = "template", .verb = "image", .arguments = { "ID", "IMAGE" },
      .summary = "make new sessions of a template from IMAGE", .needs = CTL_DATABASE, .run = ctl_template_image },
    { .group = "template", .verb = "preload", .arguments = { "ID", "MODULES" },
      .summary = "import these Python modules ahead, names with commas between; none: no more", .needs = CTL_DATABASE,
      .run = ctl_template_preload },
    { .group = "nodes", .verb = "list", .summary = "show nodes, the isolation in force, and their room",
      .needs = CTL_DATABASE, .run = ctl_node_list },
    { .group = "audit",
      .options = { { "--since", "TIME", "from 2026-01-06T10:00:00Z on, or of the last days: 7d (default: all that is kept)", false },
                   { "--object", "ID", "what was done to this session, execution, template, token or node", false },
                   { "--actor", "NAME", "what this owner or program did", false },
                   { "--limit", "N", "the newest N entries (default: 100)", false },
                   { "--json", NULL, "a JSON object a line", false } },
      .summary = "show who did what, newest last", .needs = CTL_DATABASE, .run = ctl_audit },
    { .group = "nodes", .verb = "drain", .arguments = { "ID" }, .summary = "give a node no new sandboxes; what runs there goes on",
      .needs = CTL_DATABASE, .run = ctl_node_drain },
    { .group = "nodes", .verb = "ready", .arguments = { "ID" }, .summary = "take a drained node into service again",
      .needs = CTL_DATABASE, .run = ctl_node_ready },
    { .group = "nodes", .verb = "add", .arguments = { "ID" },
      .options = { { "--engine", "URL", "its container engine: unix:///PATH, or tcp://HOST:PORT", true },
                   { "--tls-dir", "DIR", "ca.pem, cert.pem and key.pem, on each host that may serve it", false },
                   { "--host", "NODE", "whose host serves it, by the name of its own node (default: tcp any, unix this one)", false },
                   { "--cpu-milli", "N", "thousandths of a CPU for sandboxes (default: what the engine has, times node.overcommit)", false },
                   { "--memory-mb", "N", "MiB for sandboxes (default: likewise)", false },
                   { "--max-containers", "N", "containers at once (default: node.max_containers of who serves it)", false } },
      .summary = "make sandboxes on a container engine", .needs = CTL_DATABASE, .run = ctl_node_add },
    { .group = "nodes", .verb = "remove", .arguments = { "ID" },
      .options = { { "--force", NULL, "its engine is gone for good: give up its sandboxes, their sessions get others", false } },
      .summary = "forget a node that has no sandboxes any more", .needs = CTL_DATABASE, .run = ctl_node_remove },
    { .group = "status", .options = { { "--json", NULL, "as one JSON object", false } },
      .summary = "show how everything is, on one screen; exit code 1 unless all is healthy", .needs = CTL_DATABASE, .run = ctl_status },
    { .group = "doctor",
      .options = { { "--url", "URL", "where the web tier answers, http://127.0.0.1:8000", false },
                   { "--json", NULL, "as one JSON object", false } },
      .summary = "check the whole installation and say what to mend; exit code 1 when something failed", .needs = CTL_PLAIN, .run = ctl_doctor },
    { .group = "webhook", .verb = "secret",
      .options = { { "--owner", "NAME", "whose: the owner of the tokens that give a callback_url", true },
                   { "--before", NULL, "by webhooks.key_before", false } },
      .summary = "print the secret that an owner verifies webhooks with", .needs = CTL_SETTINGS, .run = ctl_webhook_secret },
    { .group = "webhook", .verb = "list",
      .options = { { "--failed", NULL, "only what was given up, or failed and will be tried again", false },
                   { "--object", "ID", "of this execution or session", false },
                   { "--limit", "N", "the newest N (default: 100)", false } },
      .summary = "show webhooks and what became of them, newest last", .needs = CTL_DATABASE, .run = ctl_webhook_list },
    { .group = "webhook", .verb = "retry", .arguments = { "ID" }, .summary = "send a webhook now, whatever became of it",
      .needs = CTL_DATABASE, .run = ctl_webhook_retry },
    { .group = "config", .verb = "sample", .summary = "print a settings file with every setting explained",
      .needs = CTL_PLAIN, .run = ctl_config_sample },
    { .group = "config", .verb = "check", .summary = "read the settings file and say what is wrong",
      .needs = CTL_SETTINGS, .run = ctl_config_check },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), DONE = 0, FAILED = 1, MISUSED = 2 };

static void print_synopsis(FILE *out, const struct ctl_command *command)
{
    fprintf(out, "sandboxctl [--config PATH] %s%s%s", command->group, command->verb ? " " : "",
            command->verb ? command->verb : "");
    for (int i = 0; i < CTL_ARGUMENTS && command->arguments[i]; i++)
        fprintf(out, " %s", command->arguments[i]);
    for (int i = 0; i < CTL_OPTIONS && command->options[i].name; i++)
        fprintf(out, command->options[i].required ? " %s%s%s" : " [%s%s%s]", command->options[i].name,
                command->options[i].value ? " " : "", command->options[i].value ? command->options[i].value : "");
}

static void print_command_help(const struct ctl_command *command)
{
    printf("usage: ");
    print_synopsis(stdout, command);
    printf("\n\n%s.\n", command->summary);
    for (int i = 0; i < CTL_OPTIONS && command->options[i].name; i++)
        printf("  %s%s%s: %s\n", command->options[i].name, command->options[i].value ? " " : "",
               command->options[i].value ? command->options[i].value : "", command->options[i].help);
}

/* The commands of one group, or all. */
static void print_help(FILE *out, const char *group)
{
    fprintf(out, "usage:\n");
    for (int i = 0; i < COMMANDS; i++) {
        if (group && strcmp(commands[i].group, group) != 0)
            continue;
        fprintf(out, "  ");
        print_synopsis(out, &commands[i]);
        fprintf(out, "\n      %s\n", commands[i].summary);
    }
    fprintf(out, "\nThe settings file is --config PATH, else $SANDBOX_CONFIG, else %s/sandbox/sandbox.conf.\n"
                 "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
            SANDBOX_SYSCONFDIR);
}

static int misused(const char *format, const char *what)
{
    fprintf(stderr, "sandboxctl: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "; try 'sandboxctl --help'.\n");
    return MISUSED;
}

static const struct ctl_command *find_command(const char *group, const char *verb)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].group, group) == 0 &&
            (!commands[i].verb || (verb && strcmp(commands[i].verb, verb) == 0)))
            return &commands[i];
    return NULL;
}

/* Names that commands had before. */
static char *group_named(char *name)
{
    static char nodes[] = "nodes";
    return strcmp(name, "node") == 0 ? nodes : name;
}

static bool is_group(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].group, name) == 0)
            return true;
    return false;
}

/* Reads what follows the command; -1: go on, else the exit code. */
static int read_arguments(const struct ctl_command *command, char **argv, struct ctl *ctl)
{
    int positional = 0;
    for (; *argv; argv++) {
        int option = 0;
        while (option < CTL_OPTIONS && command->options[option].name &&
               strcmp(command->options[option].name, *argv) != 0)
            option++;
        bool known = option < CTL_OPTIONS && command->options[option].name;
        if (strcmp(*argv, "--help") == 0) {
            print_command_help(command);
            return DONE;
        }
        if (known && !command->options[option].value) {
            ctl->options[option] = *argv;
        } else if (known || strcmp(*argv, "--config") == 0) {
            if (!argv[1])
                return misused("%s needs a value", *argv);
            *(known ? &ctl->options[option] : &ctl->config) = argv[1];
            argv++;
        } else if (strncmp(*argv, "--", 2) == 0) {
            return misused("there is no option %s here", *argv);
        } else if (positional < CTL_ARGUMENTS && command->arguments[positional]) {
            ctl->arguments[positional++] = *argv;
        } else {
            return misused("\"%s\" is too much", *argv);
        }
    }
    for (int i = 0; i < CTL_ARGUMENTS; i++)
        if (command->arguments[i] && !ctl->arguments[i])
            return misused("%s is missing", command->arguments[i]);
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (command->options[i].required && !ctl->options[i])
            return misused("%s is missing", command->options[i].name);
    return -1;
}

/* Who called it, also through sudo. */
static void name_actor(struct actor *actor)
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
    const char *name = sudo && sudo[0] ? sudo : user ? user->pw_name : "?";
    snprintf(actor->name, sizeof(actor->name), "sandboxctl (%.48s)", name);
}

static int prepare(const struct ctl_command *command, struct ctl *ctl, struct err *err)
{
    if (command->needs >= CTL_SETTINGS && settings_load(ctl->config, &ctl->settings, err) != 0)
        return -1;
    ctl->context = (struct context){ .settings = ctl->settings, .doorbell = -1, .now_ms = clock_mono_ms,
                                     .random_id = id_random };
    name_actor(&ctl->context.actor);
    if (command->needs >= CTL_DATABASE && !(ctl->context.db = db_new(&ctl->settings->database)))
        return err_internal(err, 0, "out of memory");
    return 0;
}

static int run(const struct ctl_command *command, struct ctl *ctl)
{
    struct err err = ERR_INIT;
    int status = prepare(command, ctl, &err);
    if (status == 0)
        status = command->run(ctl, &err);
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        status = err_set(&err, ERR_INTERNAL, "The output could not be written.");
    if (status != 0)
        fprintf(stderr, "sandboxctl: %s%s%s%s\n", err.text, err.detail[0] ? " (" : "", err.detail,
                err.detail[0] ? ")" : "");
    db_free(ctl->context.db);
    settings_free(ctl->settings);
    return status == 0 && !ctl->unwell ? DONE : FAILED;
}

int main(int argc, char **argv)
{
    struct ctl ctl = { 0 };
    if (argc >= 3 && strcmp(argv[1], "--config") == 0) {
        ctl.config = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 2) {
        print_help(stderr, NULL);
        return MISUSED;
    }
    argv[1] = group_named(argv[1]);
    if (strcmp(argv[1], "--help") == 0 || (argc >= 3 && is_group(argv[1]) && strcmp(argv[2], "--help") == 0 &&
                                           !find_command(argv[1], NULL))) {
        print_help(stdout, argc >= 3 ? argv[1] : NULL);
        return DONE;
    }
    const struct ctl_command *command = find_command(argv[1], argv[2]);
    if (!command)
        return is_group(argv[1]) ? misused("\"%s\" needs one of its verbs", argv[1])
                                 : misused("there is no command \"%s\"", argv[1]);
    int status = read_arguments(command, argv + (command->verb ? 3 : 2), &ctl);
    return status >= 0 ? status : run(command, &ctl);
}
