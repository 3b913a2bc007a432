/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/multipart: bodies good and bad, cut into pieces at every place. */
#include <string.h>

#include "fcgi/multipart.h"
#include "lib/util/strbuf.h"
#include "tests/unit/unit_test.h"

#define TYPE "multipart/form-data; boundary=XyZ"
#define NAMED "--XyZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
#define END "\r\n--XyZ--\r\n"

enum { SEEN_MAX = 200 * 1024 };

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "<%s|%s|%s>", part->name, part->filename ? part->filename : "-", part->content_type);
    return 0;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
    (void)err;
    ck_assert_uint_gt(len, 0);
    strbuf_add(arg, data, len);
    return 0;
}

static int on_end(void *arg, struct err *err)
{
    (void)err;
    strbuf_add_str(arg, "</>");
    return 0;
}

static const struct multipart_events events = { on_begin, on_data, on_end };

/* What is seen of a body that comes in pieces of `first` bytes and then of `piece`. */
static int read_pieces(const char *type, const char *body, size_t len, size_t first, size_t piece, struct strbuf *seen, struct err *err)
{
    static struct multipart multipart;
    strbuf_reset(seen);
    if (multipart_init(&multipart, type, &events, seen, err) != 0)
        return -1;
    for (size_t take; len > 0; body += take, len -= take, first = piece) {
        take = first < len ? first : len;
        char *exact = malloc(take ? take : 1);
        memcpy(exact, body, take);
        int status = multipart_feed(&multipart, exact, take, err);
        free(exact);
        if (status != 0)
            return -1;
    }
    return multipart_finish(&multipart, err);
}

static void expect(const char *type, const char *body, size_t len, const char *wanted)
{
    struct strbuf seen = STRBUF_INIT(SEEN_MAX);
    for (size_t first = 0; first <= len; first++) {
        struct err err = ERR_INIT;
        ck_assert_msg(read_pieces(type, body, len, first, len, &seen, &err) == 0, "%s: %s", body, err.text);
        ck_assert_str_eq(strbuf_str(&seen), wanted);
    }
    struct err err = ERR_INIT;
    ck_assert_int_eq(read_pieces(type, body, len, 1, 1, &seen, &err), 0);
    ck_assert_str_eq(strbuf_str(&seen), wanted);
    strbuf_release(&seen);
}

static void refuse(const char *type, const char *body, size_t len, enum err_code code, const char *why)
{
    struct strbuf seen = STRBUF_INIT(SEEN_MAX);
    for (size_t piece = 1; piece <= len + 1; piece += piece < 200 ? 1 : len) {
        struct err err = ERR_INIT;
        ck_assert_msg(read_pieces(type, body, len, piece, piece, &seen, &err) == -1, "%s is taken", body);
        ck_assert_int_eq(err.code, code);
        ck_assert_msg(strstr(err.text, why) != NULL, "%s: not for %s", err.text, why);
    }
    strbuf_release(&seen);
}

static const struct { const char *body, *seen; } good[] = {
    { NAMED "hello" END, "<a|-|>hello</>" },
    { NAMED "hello\r\n--XyZ--", "<a|-|>hello</>" },
    { NAMED END, "<a|-|></>" },
    { NAMED "--XyZ--", "<a|-|></>" }, /* the empty line's end is the boundary's, too */
    { "\r\n" NAMED "x" END, "<a|-|>x</>" },
    { "preamble\r\nof lines\r\n" NAMED "x" END "epilogue\r\n--XyZ\r\n", "<a|-|>x</>" },
    { NAMED "1\r\n" NAMED "2" END, "<a|-|>1</><a|-|>2</>" },
    { NAMED "1\r\n--XyZ \t \r\nContent-Disposition: form-data; name=b\r\n\r\n2\r\n--XyZ-- \r\n", "<a|-|>1</><b|-|>2</>" },
    { NAMED "\r\r\n\r\n-\r\n--\r\n--X\r\n--Xy\r\r\n--XyY\n--XyZ" END, "<a|-|>\r\r\n\r\n-\r\n--\r\n--X\r\n--Xy\r\r\n--XyY\n--XyZ</>" },
    { NAMED "\r\n\r\n--XyZ--\r\n", "<a|-|>\r\n</>" },
    { NAMED "a\r\n\r\n\r\n--XyZ--\r\n", "<a|-|>a\r\n\r\n</>" },
    { NAMED "--Xy" END, "<a|-|>--Xy</>" },
    { "--XyZ\r\ncontent-disposition:FORM-DATA ; NAME=a ; filename=\"x y.txt\"\r\nCONTENT-TYPE: text/plain; charset=x \r\nX-Y: z\r\n\r\nd" END,
      "<a|x y.txt|text/plain; charset=x>d</>" },
    { "--XyZ\r\nContent-Disposition: form-data;\r\n name=\"a\";\r\n\tfilename=\"b\"\r\nContent-Transfer-Encoding: BINARY\r\n\r\nd" END, "<a|b|>d</>" },
    { "--XyZ\r\nContent-Disposition: form-data; name=\"a\"; filename=\"q\\\"\\\\%22\\n%0D%0A%41%\"\r\n\r\nd" END, "<a|q\"\\\"\\n\r\n%41%|>d</>" },
    { "--XyZ\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"; filename*=utf-8'en'%e2%82%AC%20.txt\r\n\r\nd" END,
      "<a|\xe2\x82\xac .txt|>d</>" },
    { "--XyZ\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\"; x=y;;\r\n\r\nd" END, "<a||>d</>" },
    { "--XyZ\r\nContent-Disposition: form-data; name=\"\xc3\xa9\"; filename=\"\xe2\x82\xac;=\"\r\n\r\nd" END, "<\xc3\xa9|\xe2\x82\xac;=|>d</>" },
    { "--XyZ--", "" },
};

START_TEST(test_multipart__good)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        expect(TYPE, good[i].body, strlen(good[i].body), good[i].seen);
}
END_TEST

#define DISPOSITION(rest) "--XyZ\r\nContent-Disposition: " rest "\r\n\r\nd" END
static const struct { const char *body, *why; } bad[] = {
    { "", "ends before its closing boundary" },
    { "garbage", "ends before its closing boundary" },
    { "--XyZ", "ends before its closing boundary" },
    { "--XyZ-", "ends before its closing boundary" },
    { NAMED, "ends before its closing boundary" },
    { NAMED "hello", "ends before its closing boundary" },
    { NAMED "hello\r\n--XyZ", "ends before its closing boundary" },
    { NAMED "hello\r\n--XyZ\r\n", "ends before its closing boundary" },
    { NAMED "hello\n--XyZ--\r\n", "ends before its closing boundary" },
    { "--XyZ\nContent-Disposition: form-data; name=a\n\nd\n--XyZ--\n", "line of a boundary" },
    { "--XyZabc\r\n", "line of a boundary" },
    { NAMED "hello\r\n--XyZ-x", "line of a boundary" },
    { NAMED "hello\r\n--XyZ\rx", "line of a boundary" },
    { "--XyZ\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\nd" END, "CR and LF" },
    { "--XyZ\r\nContent-Disposition: form-data; name=a\rX: y\r\n\r\nd" END, "CR and LF" },
    { "--XyZ\r\n\r\nd" END, "no Content-Disposition" },
    { "--XyZ\r\nContent-Type: text/plain\r\n\r\nd" END, "no Content-Disposition" },
    { "--XyZ\r\nNothing\r\n\r\nd" END, "no colon" },
    { "--XyZ\r\n: x\r\n\r\nd" END, "bad name" },
    { "--XyZ\r\nContent-Disposition : form-data; name=a\r\n\r\nd" END, "bad name" },
    { "--XyZ\r\n X: y\r\n\r\nd" END, "bad name" },
    { DISPOSITION("attachment; name=\"a\""), "not of the form" },
    { DISPOSITION("form-data; name=\"a"), "not of the form" },
    { DISPOSITION("form-data; name=\"a\"b"), "not of the form" },
    { DISPOSITION("form-data; name"), "not of the form" },
    { DISPOSITION("form-data; name="), "not of the form" },
    { DISPOSITION("form-data; name=a b"), "not of the form" },
    { DISPOSITION("form-data; name = a"), "not of the form" },
    { DISPOSITION("form-data"), "has no name" },
    { DISPOSITION("form-data; filename=x"), "has no name" },
    { DISPOSITION("form-data; name=a; name=b"), "twice" },
    { DISPOSITION("form-data; name=a; filename=b; filename=c"), "twice" },
    { DISPOSITION("form-data; name=a\r\nContent-Disposition: form-data; name=b"), "two Content-Dispositions" },
    { DISPOSITION("form-data; name=a; filename*=latin1''x"), "RFC 8187" },
    { DISPOSITION("form-data; name=a; filename*=UTF-8'x"), "RFC 8187" },
    { DISPOSITION("form-data; name=a; filename*=UTF-8''%4"), "RFC 8187" },
    { DISPOSITION("form-data; name=a; filename*=UTF-8''%00"), "RFC 8187" },
    { DISPOSITION("form-data; name=a\r\nContent-Transfer-Encoding: base64"), "Content-Transfer-Encoding" },
    { DISPOSITION("form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable"), "Content-Transfer-Encoding" },
};

START_TEST(test_multipart__bad)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuse(TYPE, bad[i].body, strlen(bad[i].body), ERR_INVALID, bad[i].why);
    static const char nul[] = "--XyZ\r\nX: \0\r\n\r\nd" END;
    refuse(TYPE, nul, sizeof(nul) - 1, ERR_INVALID, "NUL");
}
END_TEST

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"
START_TEST(test_multipart__type)
{
    static const struct { const char *type; enum err_code code; } types[] = {
        { TYPE, ERR_NONE },
        { "Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"XyZ\"", ERR_NONE },
        { "multipart/form-data; boundary=" SEVENTY, ERR_NONE },
        { "multipart/form-data; boundary=----=_Part_0_1.2", ERR_NONE },
        { "multipart/form-data; boundary=\"a b\"", ERR_NONE },
        { "multipart/form-data; boundary=" SEVENTY "0", ERR_INVALID },
        { "multipart/form-data; boundary=\"\"", ERR_INVALID },
        { "multipart/form-data; boundary=", ERR_INVALID },
        { "multipart/form-data; boundary=\"a \"", ERR_INVALID },
        { "multipart/form-data; boundary=a*b", ERR_INVALID },
        { "multipart/form-data; boundary=a; boundary=b", ERR_INVALID },
        { "multipart/form-data", ERR_INVALID },
        { "multipart/form-data; charset=utf-8", ERR_INVALID },
        { "multipart/form-data; boundary", ERR_INVALID },
        { "multipart/mixed; boundary=a", ERR_MEDIA_TYPE },
        { "multipart/form-data2; boundary=a", ERR_MEDIA_TYPE },
        { "application/json", ERR_MEDIA_TYPE },
        { "", ERR_MEDIA_TYPE },
        { NULL, ERR_MEDIA_TYPE },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        static struct multipart multipart;
        struct err err = ERR_INIT;
        ck_assert_int_eq(multipart_init(&multipart, types[i].type, &events, NULL, &err), types[i].code == ERR_NONE ? 0 : -1);
        ck_assert_msg(err.code == types[i].code, "%s: %s", types[i].type, err.text);
    }
    static const char body[] = "--" SEVENTY "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--" SEVENTY "--";
    expect("multipart/form-data; boundary=" SEVENTY, body, sizeof(body) - 1, "<a|-|>1</>");
}
END_TEST

/* A header of just as many bytes as a part's may have, and of one more. */
START_TEST(test_multipart__headers_have_a_ceiling)
{
    static const char head[] = "Content-Disposition: form-data; name=a\r\nX: ";
    for (int more = 0; more <= 1; more++) {
        struct strbuf body = STRBUF_INIT(65536);
        strbuf_add_str(&body, "--XyZ\r\n");
        strbuf_add_str(&body, head);
        for (size_t len = sizeof(head) - 1 + 4; len < MULTIPART_HEADERS_MAX + (size_t)more; len++)
            strbuf_add_char(&body, 'x');
        strbuf_add_str(&body, "\r\n\r\nd" END);
        struct err err = ERR_INIT;
        struct strbuf seen = STRBUF_INIT(SEEN_MAX);
        int status = read_pieces(TYPE, body.data, body.len, 1000, 1000, &seen, &err);
        ck_assert_int_eq(status, more ? -1 : 0);
        if (more)
            ck_assert_ptr_nonnull(strstr(err.text, "more than 8192 bytes"));
        strbuf_release(&body);
        strbuf_release(&seen);
    }
}
END_TEST

static void check_ignored(const char *before, char filler, const char *after, size_t framing)
{
    for (size_t more = 0; more <= 1; more++) {
        struct strbuf body = STRBUF_INIT(256 * 1024), seen = STRBUF_INIT(SEEN_MAX);
        struct err err = ERR_INIT;
        strbuf_add_str(&body, before);
        for (size_t i = framing; i < MULTIPART_IGNORED_MAX + more; i++)
            strbuf_add_char(&body, filler);
        strbuf_add_str(&body, after);
        ck_assert_int_eq(read_pieces(TYPE, body.data, body.len, 777, 777, &seen, &err), more ? -1 : 0);
        if (more)
            ck_assert_ptr_nonnull(strstr(err.text, "outside of the parts"));
        strbuf_release(&body);
        strbuf_release(&seen);
    }
}

START_TEST(test_multipart__what_is_ignored_has_a_ceiling)
{
    check_ignored(NAMED "d\r\n--XyZ--", 'x', "", 0);
    check_ignored("", 'x', "\r\n" NAMED "d\r\n--XyZ--", 0);
    check_ignored(NAMED "d\r\n--XyZ", ' ', "\r\nContent-Disposition: form-data; name=a\r\n\r\nd\r\n--XyZ--", 0);
}
END_TEST

static int stop(void *arg, const char *data, size_t len, struct err *err)
{
    (void)arg;
    (void)data;
    (void)len;
    return err_set(err, ERR_TOO_LARGE, "stop");
}

START_TEST(test_multipart__a_callback_ends_it)
{
    static struct multipart multipart;
    static const struct multipart_events stopping = { on_begin, stop, on_end };
    struct strbuf seen = STRBUF_INIT(SEEN_MAX);
    struct err err = ERR_INIT;
    ck_assert_int_eq(multipart_init(&multipart, TYPE, &stopping, &seen, &err), 0);
    ck_assert_int_eq(multipart_feed(&multipart, NAMED "d" END, strlen(NAMED "d" END), &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_str_eq(strbuf_str(&seen), "<a|-|>");
    strbuf_release(&seen);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_multipart__good, test_multipart__bad, test_multipart__type,
                                          test_multipart__headers_have_a_ceiling, test_multipart__what_is_ignored_has_a_ceiling,
                                          test_multipart__a_callback_ends_it };
    return unit_test_run("multipart", tests, UNIT_TEST_COUNT(tests));
}
