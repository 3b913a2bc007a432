/* SPDX-License-Identifier: Apache-2.0 */
/* What the executor says became of the files: code that touches some, and the list that must follow. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/wire/changes.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

static struct executor executor;
static int number; /* of the execution */

static void start(void)
{
    executor_start(&executor, "none", 0);
}

static void stop(void)
{
    executor_stop(&executor);
}

struct list {
    bool touched, all, whole;
    int64_t skipped, mark;
    int files;
    char text[8192]; /* "+path" a file of this execution, "=path" another's, "-path" gone, "-path/" with all below; in order of name */
};

static int by_name(const void *a, const void *b)
{
    const char *one = *(char *const *)a, *other = *(char *const *)b;
    int order = strcmp(one + 1, other + 1);
    return order ? order : *one - *other;
}

static void take_line(struct list *list, char *line, char *entries[], int *count)
{
    struct wire_change change;
    struct err err = ERR_INIT;
    ck_assert_msg(wire_change_decode(line, strlen(line), &change, &err) == 0, "%s: %s", line, err.text);
    ck_assert(!list->whole);
    if (change.type == WIRE_CHANGE_END) {
        *list = (struct list){ .touched = list->touched, .all = change.all, .whole = true, .skipped = change.skipped, .mark = change.mark,
                               .files = list->files };
        return;
    }
    ck_assert_msg(change.type == WIRE_CHANGE_FILE || list->files == 0, "%s comes after files", line);
    list->files += change.type == WIRE_CHANGE_FILE;
    if (*count < 256)
        ck_assert_int_gt(asprintf(&entries[(*count)++], "%c%s%s", change.type == WIRE_CHANGE_GONE ? '-' : change.mine ? '+' : '=',
                                  change.path, change.type == WIRE_CHANGE_GONE && change.below ? "/" : ""), 0);
}

static void fetch(const char *id, struct list *list)
{
    char path[128], *entries[256];
    struct answer answer;
    int count = 0;
    snprintf(path, sizeof(path), "/executions/%s/changes", id);
    executor_call(&executor, "GET", path, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 200);
    for (char *line = strtok(answer.body.data, "\n"); line; line = strtok(NULL, "\n"))
        take_line(list, line, entries, &count);
    ck_assert(list->whole);
    qsort(entries, (size_t)count, sizeof(*entries), by_name);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(list->text);
        if (len < sizeof(list->text) - 300)
            snprintf(list->text + len, sizeof(list->text) - len, "%s%s", i ? " " : "", entries[i]);
        free(entries[i]);
    }
    answer_release(&answer);
}

static void acknowledge(const char *id, int64_t mark)
{
    char path[128];
    struct answer answer;
    snprintf(path, sizeof(path), "/executions/%s?mark=%lld", id, (long long)mark);
    executor_call(&executor, "DELETE", path, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 200);
    answer_release(&answer);
}

/* Runs the script; its id is left in `id`. */
static void run_only(const char *code, char id[32], struct list *list)
{
    struct outcome outcome;
    snprintf(id, 32, "exec_%d_%d", (int)getpid(), ++number); /* each test is a process */
    struct wire_execute request = { .execution_id = id, .language = LANGUAGE_SHELL, .code = (char *)code };
    executor_run(&executor, &request, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s %s", code, outcome.result.message, strbuf_str(&outcome.err));
    *list = (struct list){ .touched = outcome.result.touched };
    outcome_release(&outcome);
}

static void run(const char *code, struct list *list)
{
    char id[32];
    run_only(code, id, list);
    if (!list->touched) {
        acknowledge(id, 0);
        return;
    }
    fetch(id, list);
    acknowledge(id, list->mark);
}

static void expect(const char *code, const char *wanted)
{
    struct list list;
    run(code, &list);
    ck_assert_msg(strcmp(list.text, wanted) == 0 && !list.all, "%s\n  says   %s\n  wanted %s", code, list.text, wanted);
    ck_assert_int_eq(list.touched, wanted[0] != '\0');
}

static const struct {
    const char *code, *changes;
} cases[] = {
    { "cat /dev/null; ls -lR > /dev/null", "" },
    { "echo 1 > a; mkdir d; echo 2 > d/b", "+a -d +d/b" },
    { "cat a d/b", "" },
    { "echo 2 >> a", "+a" },
    { "touch a", "+a" },
    { "chmod 600 a", "+a" },
    { "truncate -s 5 a", "+a" },
    { "python3 -c 'import os; os.truncate(\"a\", 2)'", "+a" },
    { "python3 -c 'import mmap; f = open(\"a\", \"r+b\"); m = mmap.mmap(f.fileno(), 2); f.close(); m[0] = 65'", "+a" },
    { "mv a c", "-a/ +c" },
    { "mv c c2; mv c2 c", "+c -c2/" },
    { "rm c", "-c/" },
    { "echo x > t; rm t", "-t/" },
    { "mv d e", "-d/ -e +e/b" },
    { "echo 3 > e/b", "+e/b" },
    { "mkdir -p x/y/z; echo 1 > x/y/z/f", "-x +x/y/z/f" },
    { "echo 2 > x/y/z/f; echo 1 > x/y/g", "+x/y/g +x/y/z/f" },
    { "mv x/y w", "-w +w/g +w/z/f -x/y/" },
    { "echo 5 > w/z/f; echo 1 > w/z/n", "+w/z/f +w/z/n" },
    { "rm -rf w x", "-w/ -w/g/ -w/z/ -w/z/f/ -w/z/n/ -x/" },
    { "rm e/b; mkdir e/b; echo 1 > e/b/c", "-e/b +e/b/c" },
    { "rm -r e/b; echo 1 > e/b", "+e/b -e/b/ -e/b/c/" },
    { "mv e real; ln -s real e", "-e/ -real +real/b" },
    { "echo 2 > e/b", "+real/b" },
    { "rm e; mkfifo e", "-e/" },
    { "rm -rf e real; mkdir real; echo 1 > real/b", "-e/ -real/ +real/b" },
    { "rm -rf real; mkdir -p real/b; echo 1 > real/b/q; chmod 700 real/b; chmod 600 real/b/q", "-real/ -real/b +real/b/q" },
    { "mkdir shut; chmod 0 shut", "-shut" },
    { "chmod 700 shut; echo 1 > shut/f", "+shut/f" },
    { "rm -rf shut real", "-real/ -real/b/ -real/b/q/ -shut/ -shut/f/" },
};

START_TEST(test_executor_changes__by_table)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].code, cases[i].changes);
}
END_TEST

START_TEST(test_executor_changes__names_that_cannot_be_stored)
{
    struct list list;
    run("touch \"$(printf 'a\\nb')\" \"$(printf '\\377')\" fine; d=deep; for i in $(seq 70); do d=$d/x; done; mkdir -p $d; touch $d/f", &list);
    ck_assert_msg(strstr(list.text, "+fine") != NULL && strstr(list.text, "deep/x/x/x/f") == NULL, "%s", list.text);
    ck_assert_int_eq(list.skipped, 3);
    run("rm -rf deep fine; find . -type f -delete", &list);
    ck_assert(strstr(list.text, "-deep/ ") != NULL && strstr(list.text, "-fine/") != NULL && list.files == 0);
}
END_TEST

/* Where the kernel cannot tell, all files are listed. */
START_TEST(test_executor_changes__all)
{
    struct list list;
    run("echo 1 > one; ln one two", &list);
    ck_assert(list.all);
    ck_assert_str_eq(list.text, "=one =two");
    run("rm one", &list);
    ck_assert(!list.all);
    ck_assert_str_eq(list.text, "-one/");
    expect("echo 1 > two", "+two");
    run("for i in $(seq 9000); do : > f1; : > f2; done; rm f1", &list); /* more events than the kernel keeps */
    ck_assert(list.all);
    ck_assert_str_eq(list.text, "=f2 =two");
    expect("mkdir new; echo 1 > new/f", "-new +new/f");
    expect("rm -rf new f2 two", "-f2/ -new/ -new/f/ -two/");
}
END_TEST

START_TEST(test_executor_changes__are_offered_until_they_are_stored)
{
    struct list list;
    char first[32], second[32];
    run_only("echo 1 > kept", first, &list);
    ck_assert(list.touched);
    fetch(first, &list);
    ck_assert_str_eq(list.text, "+kept");
    list = (struct list){ 0 };
    fetch(first, &list); /* as often as it is asked for */
    ck_assert_str_eq(list.text, "+kept");
    acknowledge(first, 0);
    run_only("cat kept", second, &list);
    ck_assert(list.touched);
    fetch(second, &list);
    ck_assert_str_eq(list.text, "=kept");
    acknowledge(second, list.mark);
    expect("cat kept", "");
    expect("rm kept", "-kept/");
}
END_TEST

START_TEST(test_executor_changes__of_two_at_once)
{
    struct wire_execute slow = { .execution_id = (char *)"exec_slow", .language = LANGUAGE_SHELL,
                                 .code = (char *)"echo 1 > s1; while [ ! -e go ]; do sleep 0.02; done; echo 1 > s2" };
    struct outcome outcome;
    struct list list;
    char quick[32];
    int fd = executor_run_start(&executor, &slow);
    run_only("while [ ! -e s1 ]; do sleep 0.02; done; echo 1 > q", quick, &list);
    fetch(quick, &list);
    ck_assert_msg(strstr(list.text, "+q") != NULL, "%s", list.text);
    acknowledge(quick, list.mark);
    run("echo 1 > go", &list);
    executor_run_finish(fd, &outcome);
    ck_assert(outcome.result.touched);
    outcome_release(&outcome);
    list = (struct list){ 0 };
    fetch("exec_slow", &list);
    ck_assert_msg(strstr(list.text, "+s1") && strstr(list.text, "+s2"), "%s", list.text); /* though one of them is stored */
    acknowledge("exec_slow", list.mark);
    expect("rm s1 s2 q go", "-go/ -q/ -s1/ -s2/");
}
END_TEST

/* What the dispatcher puts there is nobody's doing; what code does to it is. */
START_TEST(test_executor_changes__not_by_the_dispatcher)
{
    struct answer answer;
    static const char *const paths[] = { "/files/in", "/files/new/dir/in", "/files/in", "/files/big?transfer=x&final=0",
                                         "/files/big?transfer=x&offset=1&final=1" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        executor_call(&executor, "PUT", paths[i], NULL, "x", 1, &answer);
        ck_assert_int_eq(answer.status, 200);
        answer_release(&answer);
    }
    expect("cat in big new/dir/in", "");
    executor_call(&executor, "DELETE", "/files/in", NULL, NULL, 0, &answer);
    answer_release(&answer);
    expect("ls", "");
    expect("echo 1 >> new/dir/in; echo 2 > new/own", "+new/dir/in +new/own");
    expect("rm -rf new big", "-big/ -new/ -new/dir/ -new/dir/in/ -new/own/");
}
END_TEST

START_TEST(test_executor_changes__of_ten_thousand)
{
    struct list list;
    run("mkdir many; cd many; seq 10000 | split -l 1 -a 4 - f", &list);
    ck_assert(!list.all);
    ck_assert_int_eq(list.files, 10000);
    expect("echo 1 > many/faaaa", "+many/faaaa");
    expect("cat many/faaaa", "");
    run("rm -rf many", &list);
    ck_assert(list.whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor changes");
    TCase *tcase = tcase_create("executor changes");
    tcase_add_unchecked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_executor_changes__by_table);
    tcase_add_test(tcase, test_executor_changes__names_that_cannot_be_stored);
    tcase_add_test(tcase, test_executor_changes__all);
    tcase_add_test(tcase, test_executor_changes__are_offered_until_they_are_stored);
    tcase_add_test(tcase, test_executor_changes__of_two_at_once);
    tcase_add_test(tcase, test_executor_changes__not_by_the_dispatcher);
    tcase_add_test(tcase, test_executor_changes__of_ten_thousand);
    suite_add_tcase(suite, tcase);
    return executor_suite_run(suite);
}
