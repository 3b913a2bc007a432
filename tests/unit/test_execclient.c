/* SPDX-License-Identifier: Apache-2.0 */
/* The executor client: lines, output, and an executor that breaks off at every possible point. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/execclient/execclient.h"
#include "lib/execclient/lines.h"
#include "lib/util/clock.h"
#include "tests/fakes/fake_executor.h"

/* --- lines --- */

struct seen {
    char text[256];
    int count;
    int stop_at;
};

static int see_line(void *arg, const char *line, size_t len, struct err *err)
{
    struct seen *seen = arg;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof(seen->text) - used, "[%.*s]", (int)len, line);
    if (++seen->count == seen->stop_at)
        return err_set(err, ERR_INVALID, "stop");
    return 0;
}

START_TEST(test_lines__any_cut_gives_the_same_lines)
{
    static const char text[] = "one\n\nthree3\nfour\nrest";
    struct err err = ERR_INIT;
    for (size_t a = 0; a < sizeof(text); a++)
        for (size_t b = a; b < sizeof(text); b++) {
            struct lines lines = LINES_INIT(16);
            struct seen seen = { 0 };
            ck_assert_int_eq(lines_feed(&lines, text, a, see_line, &seen, &err), 0);
            ck_assert_int_eq(lines_feed(&lines, text + a, b - a, see_line, &seen, &err), 0);
            ck_assert_int_eq(lines_feed(&lines, text + b, sizeof(text) - 1 - b, see_line, &seen, &err), 0);
            ck_assert_str_eq(seen.text, "[one][][three3][four]");
            ck_assert_uint_eq(lines.part.len, 4);
            lines_release(&lines);
        }
}
END_TEST

START_TEST(test_lines__a_line_over_the_limit_is_refused_whole_or_in_parts)
{
    struct err err = ERR_INIT;
    struct seen seen = { 0 };
    struct lines lines = LINES_INIT(8);
    ck_assert_int_eq(lines_feed(&lines, "12345678\n", 9, see_line, &seen, &err), 0);
    ck_assert_int_eq(lines_feed(&lines, "123456789\n", 10, see_line, &seen, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    lines_release(&lines);
    lines = LINES_INIT(8);
    ck_assert_int_eq(lines_feed(&lines, "12345", 5, see_line, &seen, &err), 0);
    ck_assert_int_eq(lines_feed(&lines, "6789", 4, see_line, &seen, &err), -1);
    lines_release(&lines);
    ck_assert_int_eq(seen.count, 1);
}
END_TEST

START_TEST(test_lines__stops_where_the_reader_stops)
{
    struct err err = ERR_INIT;
    struct seen seen = { .stop_at = 2 };
    struct lines lines = LINES_INIT(8);
    ck_assert_int_eq(lines_feed(&lines, "a\nb\nc\n", 6, see_line, &seen, &err), -1);
    ck_assert_str_eq(seen.text, "[a][b]");
    lines_release(&lines);
}
END_TEST

/* --- output --- */

START_TEST(test_output__says_what_was_left_out)
{
    struct exec_output output = EXEC_OUTPUT_INIT;
    exec_output_add(&output, "head", 4, 0);
    ck_assert(!output.truncated);
    exec_output_add(&output, "tail", 4, 1234);
    ck_assert(output.truncated);
    ck_assert_str_eq(strbuf_str(&output.text), "head\n[... 1234 bytes left out ...]\ntail");
    strbuf_release(&output.text);
}
END_TEST

START_TEST(test_output__keeps_nul_bytes)
{
    struct exec_output output = EXEC_OUTPUT_INIT;
    exec_output_add(&output, "a\0b", 3, 0);
    ck_assert_uint_eq(output.text.len, 3);
    ck_assert(memcmp(output.text.data, "a\0b", 3) == 0);
    strbuf_release(&output.text);
}
END_TEST

START_TEST(test_output__is_cut_at_a_character_and_marked)
{
    struct exec_output output = EXEC_OUTPUT_INIT;
    output.text.max = 10;
    exec_output_add(&output, "12345678", 8, 0);
    exec_output_add(&output, "\xe2\x82\xac!", 4, 0); /* the euro sign would need bytes 9, 10 and 11 */
    ck_assert_str_eq(strbuf_str(&output.text), "12345678");
    ck_assert(output.truncated);
    exec_output_add(&output, "more", 4, 5);
    ck_assert_uint_le(output.text.len, 10);
    strbuf_release(&output.text);
}
END_TEST

/* --- streams --- */

static char socket_path[] = "/tmp/test-execclient-XXXXXX/executor.sock";
static struct fake_executor *fake;
static struct http *http;

static void set_up(void)
{
    char *slash = strrchr(socket_path, '/');
    struct err err = ERR_INIT;
    memcpy(slash - 6, "XXXXXX", 6);
    *slash = '\0';
    ck_assert_ptr_nonnull(mkdtemp(socket_path));
    *slash = '/';
    fake = fake_executor_start(socket_path);
    http = http_new(&err);
    ck_assert_ptr_nonnull(http);
}

static void tear_down(void)
{
    char *slash = strrchr(socket_path, '/');
    http_free(http);
    fake_executor_stop(fake);
    *slash = '\0';
    rmdir(socket_path);
    *slash = '/';
}

struct end {
    int answers, losses;
    enum exec_loss loss;
    char out[64];
    char value[64];
    char text[320];
};

static void on_answer(void *arg, struct exec_answer *answer)
{
    struct end *end = arg;
    end->answers++;
    snprintf(end->out, sizeof(end->out), "%s", strbuf_str(&answer->out.text));
    snprintf(end->value, sizeof(end->value), "%s", answer->result.return_json ? answer->result.return_json : "");
}

static void on_lost(void *arg, enum exec_loss loss, const struct err *err)
{
    struct end *end = arg;
    end->losses++;
    end->loss = loss;
    snprintf(end->text, sizeof(end->text), "%s", err->text);
}

static const struct exec_handlers handlers = { .on_answer = on_answer, .on_lost = on_lost };

static struct exec_run *start(struct end *end, int64_t timeout_ms)
{
    const struct exec_target target = { .unix_path = socket_path, .url = "http://executor", .secret = "s3cret",
                                        .silence_ms = 1000 };
    struct wire_execute request = {
        .execution_id = "exec_20260101_abcdefgh", .code = "print(1)", .timeout_ms = timeout_ms
    };
    struct exec_run *run = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(execclient_start(http, &target, &request, &handlers, end, &run, &err), 0);
    return run;
}

#define run_one() run_for(1000)
static struct end run_for(int64_t timeout_ms)
{
    struct end end = { 0 };
    struct err err = ERR_INIT;
    int64_t limit = clock_mono_ms() + 20000;
    start(&end, timeout_ms);
    while (end.answers + end.losses == 0 && clock_mono_ms() < limit)
        ck_assert_int_eq(http_run(http, NULL, 0, 100, &err), 0);
    ck_assert_int_eq(end.answers + end.losses, 1);
    ck_assert_uint_eq(http_active(http), 0);
    return end;
}

/* A whole, right answer as it goes over the wire: one chunk a line. *body_end_out: where the result line is complete. */
static void make_answer(struct strbuf *out, size_t *body_end_out)
{
    struct err err = ERR_INIT;
    struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_STDOUT, .data = "hello\n", .data_len = 6 },
        { .type = WIRE_HEARTBEAT },
        { .type = WIRE_RESULT, .result = { .return_json = "{\"n\":12345678901234567890}" } },
    };
    strbuf_add_str(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        cleanup_strbuf struct strbuf line = STRBUF_INIT(4096);
        ck_assert_int_eq(wire_event_encode(&events[i], &line, &err), 0);
        strbuf_addf(out, "%zx\r\n", line.len);
        strbuf_add(out, line.data, line.len);
        *body_end_out = out->len;
        strbuf_add_str(out, "\r\n");
    }
    strbuf_add_str(out, "0\r\n\r\n");
}

START_TEST(test_execclient__whole_answer)
{
    cleanup_strbuf struct strbuf answer = STRBUF_INIT(8192);
    size_t body_end;
    make_answer(&answer, &body_end);
    fake_executor_script(fake, answer.data, answer.len, FAKE_CLOSE);
    struct end end = run_one();
    ck_assert_int_eq(end.answers, 1);
    ck_assert_str_eq(end.out, "hello\n");
    ck_assert_str_eq(end.value, "{\"n\":12345678901234567890}");
}
END_TEST

START_TEST(test_execclient__broken_off_after_every_byte)
{
    cleanup_strbuf struct strbuf answer = STRBUF_INIT(8192);
    size_t body_end;
    make_answer(&answer, &body_end);
    for (size_t cut = 0; cut < answer.len; cut++) {
        fake_executor_script(fake, answer.data, cut, FAKE_CLOSE);
        struct end end = run_one();
        if (cut < body_end) {
            ck_assert_msg(end.losses == 1, "an answer out of %zu bytes", cut);
            ck_assert_int_eq(end.loss, EXEC_LOSS_BROKEN);
        } else {
            ck_assert_msg(end.answers == 1, "no answer out of %zu bytes", cut);
        }
    }
}
END_TEST

START_TEST(test_execclient__silence_is_a_loss)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    fake_executor_script(fake, head, sizeof(head) - 1, FAKE_STALL);
    int64_t begun = clock_mono_ms();
    struct end end = run_one();
    ck_assert_int_eq(end.losses, 1);
    ck_assert_int_eq(end.loss, EXEC_LOSS_BROKEN);
    ck_assert_int_ge(clock_mono_ms() - begun, 900);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    /* the executor keeps the time limit; one that lives, but does not, is waited for no longer than the margin */
    fake_executor_script(fake, head, sizeof(head) - 1, FAKE_STALL);
    begun = clock_mono_ms();
    end = run_for(300 - EXEC_MARGIN_MS);
    ck_assert_int_eq(end.loss, EXEC_LOSS_OVERDUE);
    ck_assert_int_lt(clock_mono_ms() - begun, 900);
}
END_TEST

static const struct status_row {
    const char *answer;
    enum exec_loss loss;
    const char *text; /* must be part of the error */
} status_rows[] = {
    { "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_UNAUTHORIZED, "401" },
    { "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_UNAUTHORIZED, "403" },
    { "HTTP/1.1 400 Bad Request\r\nContent-Length: 18\r\n\r\n{\"error\":\"no code\"", EXEC_LOSS_REFUSED, "400" },
    { "HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\n{\"error\":\"no code\"}\r\n", EXEC_LOSS_REFUSED, "no code" },
    { "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\n\xff\xfe{\n\n", EXEC_LOSS_REFUSED, "400" },
    { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_REFUSED, "404" },
    { "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_BUSY, "429" },
    { "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", EXEC_LOSS_BUSY, "500" },
    { "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_BUSY, "503" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EXEC_LOSS_BROKEN, "" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ngarbage\n", EXEC_LOSS_BROKEN, "" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"type\":\"what\"}\n", EXEC_LOSS_BROKEN, "" },
    { "not HTTP at all\r\n\r\n", EXEC_LOSS_BROKEN, "" },
};

START_TEST(test_execclient__answers_that_are_none)
{
    const struct status_row *row = &status_rows[_i];
    fake_executor_script(fake, row->answer, strlen(row->answer), FAKE_CLOSE);
    struct end end = run_one();
    ck_assert_int_eq(end.losses, 1);
    /* an error answer that is cut short may also count as broken */
    ck_assert_msg(end.loss == row->loss || (_i == 2 && end.loss == EXEC_LOSS_BROKEN), "row %d: loss %d", _i, end.loss);
    ck_assert_msg(_i == 2 || strstr(end.text, row->text), "row %d: %s", _i, end.text);
}
END_TEST

START_TEST(test_execclient__garbage_after_good_events_ends_the_stream_at_once)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "13\r\n{\"type\":\"started\"}\n\r\n8\r\n{broken\n\r\n";
    fake_executor_script(fake, answer, sizeof(answer) - 1, FAKE_STALL);
    int64_t begun = clock_mono_ms();
    struct end end = run_one();
    ck_assert_int_eq(end.loss, EXEC_LOSS_BROKEN);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
}
END_TEST

START_TEST(test_execclient__a_huge_line_is_bounded)
{
    size_t size = WIRE_EVENT_MAX + 4096;
    cleanup_strbuf struct strbuf answer = STRBUF_INIT(size + 4096);
    cleanup_free char *filler = malloc(size);
    memset(filler, 'x', size);
    strbuf_addf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size + 100);
    strbuf_add(&answer, filler, size);
    fake_executor_script(fake, answer.data, answer.len, FAKE_STALL);
    struct end end = run_one();
    ck_assert_int_eq(end.loss, EXEC_LOSS_BROKEN);
}
END_TEST

START_TEST(test_execclient__nobody_there)
{
    tear_down();
    fake = NULL;
    struct err err = ERR_INIT;
    http = http_new(&err);
    struct end end = run_one();
    ck_assert_int_eq(end.loss, EXEC_LOSS_UNREACHABLE);
    http_free(http);
    set_up();
}
END_TEST

START_TEST(test_execclient__dropped_run_calls_nobody)
{
    struct end end = { 0 };
    struct err err = ERR_INIT;
    fake_executor_script(fake, "", 0, FAKE_STALL);
    struct exec_run *run = start(&end, 1000);
    for (int i = 0; i < 100 && fake_executor_posts(fake) == 0; i++)
        ck_assert_int_eq(http_run(http, NULL, 0, 20, &err), 0);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    execclient_drop(http, run);
    ck_assert_uint_eq(http_active(http), 0);
    ck_assert_int_eq(end.answers + end.losses, 0);
}
END_TEST

START_TEST(test_execclient__health_waits_for_the_socket_and_gives_up)
{
    const struct exec_target nowhere = { .unix_path = "/tmp/no-such-executor.sock", .url = "http://executor" };
    struct wire_health health;
    struct err err = ERR_INIT;
    int64_t begun = clock_mono_ms();
    ck_assert_int_eq(execclient_health(http, &nowhere, begun + 200, &health, &err), -1);
    ck_assert_int_eq(err.code, ERR_TIMEOUT);
    ck_assert_int_ge(clock_mono_ms() - begun, 190);
    ck_assert_int_lt(clock_mono_ms() - begun, 2000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execclient");
    TCase *pure = tcase_create("pure"), *streams = tcase_create("streams");
    tcase_add_test(pure, test_lines__any_cut_gives_the_same_lines);
    tcase_add_test(pure, test_lines__a_line_over_the_limit_is_refused_whole_or_in_parts);
    tcase_add_test(pure, test_lines__stops_where_the_reader_stops);
    tcase_add_test(pure, test_output__says_what_was_left_out);
    tcase_add_test(pure, test_output__keeps_nul_bytes);
    tcase_add_test(pure, test_output__is_cut_at_a_character_and_marked);
    suite_add_tcase(suite, pure);
    tcase_add_checked_fixture(streams, set_up, tear_down);
    tcase_set_timeout(streams, 60);
    tcase_add_test(streams, test_execclient__whole_answer);
    tcase_add_test(streams, test_execclient__broken_off_after_every_byte);
    tcase_add_test(streams, test_execclient__silence_is_a_loss);
    tcase_add_loop_test(streams, test_execclient__answers_that_are_none, 0,
                        sizeof(status_rows) / sizeof(status_rows[0]));
    tcase_add_test(streams, test_execclient__garbage_after_good_events_ends_the_stream_at_once);
    tcase_add_test(streams, test_execclient__a_huge_line_is_bounded);
    tcase_add_test(streams, test_execclient__nobody_there);
    tcase_add_test(streams, test_execclient__dropped_run_calls_nobody);
    tcase_add_test(streams, test_execclient__health_waits_for_the_socket_and_gives_up);
    suite_add_tcase(suite, streams);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
