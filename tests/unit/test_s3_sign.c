/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: the answers that Amazon publishes for its examples (Signature Version 4 of S3, header-based and with a query). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/storage/s3_sign.h"
#include "lib/storage/storage.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST "examplebucket.s3.amazonaws.com"

static const struct s3_credentials credentials = { "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1" };
enum { NOW = 1369353600 }; /* 2013-05-24T00:00:00Z */

static const struct {
    const char *what;
    struct s3_to_sign request;
    const char *signed_headers, *signature;
} examples[] = {
    { "GET Object with Range",
      { .method = "GET", .path = "/test.txt", .payload = EMPTY, .now_s = NOW, .header_count = 4,
        .headers = (const struct s3_pair[]){ { "host", HOST }, { "range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY },
                                             { "x-amz-date", "20130524T000000Z" } } },
      "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
    { "PUT Object",
      { .method = "PUT", .path = "/test%24file.text", .now_s = NOW, .header_count = 5,
        .payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        .headers = (const struct s3_pair[]){ { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
                                             { "date", "Fri, 24 May 2013 00:00:00 GMT" },
                                             { "host", HOST },
                                             { "x-amz-date", "20130524T000000Z" },
                                             { "x-amz-content-sha256",
                                               "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" } } },
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
    { "GET Bucket Lifecycle",
      { .method = "GET", .path = "/", .payload = EMPTY, .now_s = NOW, .header_count = 3, .query_count = 1,
        .query = (const struct s3_pair[]){ { "lifecycle", "" } },
        .headers = (const struct s3_pair[]){ { "host", HOST }, { "x-amz-content-sha256", EMPTY }, { "x-amz-date", "20130524T000000Z" } } },
      "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
    { "List Objects",
      { .method = "GET", .path = "/", .payload = EMPTY, .now_s = NOW, .header_count = 3, .query_count = 2,
        .query = (const struct s3_pair[]){ { "prefix", "J" }, { "max-keys", "2" } },
        .headers = (const struct s3_pair[]){ { "host", HOST }, { "x-amz-content-sha256", EMPTY }, { "x-amz-date", "20130524T000000Z" } } },
      "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

START_TEST(test_s3_sign__published_examples)
{
    struct err err = ERR_INIT;
    char expected[512];
    struct strbuf out = STRBUF_INIT(4096);
    ck_assert_int_eq(s3_sign(&examples[_i].request, &credentials, &out, &err), 0);
    snprintf(expected, sizeof(expected),
             "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s",
             examples[_i].signed_headers, examples[_i].signature);
    ck_assert_msg(strcmp(strbuf_str(&out), expected) == 0, "%s: %s", examples[_i].what, strbuf_str(&out));
    strbuf_release(&out);
}
END_TEST

START_TEST(test_s3_sign__published_address)
{
    struct err err = ERR_INIT;
    struct strbuf out = STRBUF_INIT(4096);
    const struct s3_pair host = { "host", HOST };
    const struct s3_to_sign request = { .method = "GET", .path = "/test.txt", .headers = &host, .header_count = 1,
                                        .payload = S3_UNSIGNED_PAYLOAD, .now_s = NOW };
    ck_assert_int_eq(s3_sign_query(&request, &credentials, 86400, &out, &err), 0);
    ck_assert_str_eq(strbuf_str(&out),
                     "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                     "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                     "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    strbuf_release(&out);
}
END_TEST

START_TEST(test_s3_sign__encoding)
{
    struct strbuf out = STRBUF_INIT(256);
    s3_encode(&out, "a/B 9~-._+=&%\xc3\xa4\x01:", false);
    ck_assert_str_eq(strbuf_str(&out), "a%2FB%209~-._%2B%3D%26%25%C3%A4%01%3A");
    strbuf_reset(&out);
    s3_encode(&out, "a/b c", true);
    ck_assert_str_eq(strbuf_str(&out), "a/b%20c");
    strbuf_release(&out);
}
END_TEST

START_TEST(test_s3_sign__query_is_sorted)
{
    struct err err = ERR_INIT;
    struct strbuf out = STRBUF_INIT(256);
    const struct s3_pair pairs[] = { { "uploadId", "a/b" }, { "partNumber", "2" }, { "X-Amz-Date", "x" } };
    ck_assert_int_eq(s3_query(pairs, 3, &out, &err), 0);
    ck_assert_str_eq(strbuf_str(&out), "X-Amz-Date=x&partNumber=2&uploadId=a%2Fb");
    strbuf_release(&out);
}
END_TEST

START_TEST(test_s3_sign__too_many_headers)
{
    struct err err = ERR_INIT;
    struct strbuf out = STRBUF_INIT(4096);
    struct s3_pair headers[S3_PAIRS_MAX + 1];
    for (size_t i = 0; i < S3_PAIRS_MAX + 1; i++)
        headers[i] = (struct s3_pair){ "x", "y" };
    const struct s3_to_sign request = { .method = "GET", .path = "/", .headers = headers, .header_count = S3_PAIRS_MAX + 1,
                                        .payload = EMPTY, .now_s = NOW };
    ck_assert_int_eq(s3_sign(&request, &credentials, &out, &err), -1);
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    strbuf_release(&out);
}
END_TEST

/* --- addresses that the driver makes of its settings; nothing is asked */

static const struct {
    const char *endpoint, *public_endpoint, *style, *prefix, *expected;
} addresses[] = {
    { "", "", "path", "", "https://s3.eu-central-1.amazonaws.com/files/sessions/s/o?" },
    { "", "", "virtual-host", "", "https://files.s3.eu-central-1.amazonaws.com/sessions/s/o?" },
    { "http://127.0.0.1:9000", "", "path", "a/b", "http://127.0.0.1:9000/files/a/b/sessions/s/o?" },
    { "http://10.0.0.1:9000/", "https://s3.example.org", "virtual-host", "p", "https://files.s3.example.org/p/sessions/s/o?" },
};

START_TEST(test_s3_sign__addresses)
{
    struct err err = ERR_INIT;
    struct storage *storage = NULL;
    struct strbuf out = STRBUF_INIT(8192);
    const struct storage_settings settings = {
        .driver = "s3", .directory = "/", .s3_endpoint = (char *)addresses[_i].endpoint,
        .s3_public_endpoint = (char *)addresses[_i].public_endpoint, .s3_region = "eu-central-1", .s3_bucket = "files",
        .s3_prefix = (char *)addresses[_i].prefix, .s3_access_key = "me:my", .s3_secret_key = "secret",
        .s3_style = (char *)addresses[_i].style, .s3_ca_file = "", .s3_spool = "/tmp", .s3_presign_s = 300, .s3_timeout_ms = 1000,
    };
    ck_assert_int_eq(storage_open(&settings, &storage, &err), 0);
    ck_assert(storage_presign(storage, "sessions/s/o", "text/plain", "attachment; filename=\"a b\"", &out, &err));
    ck_assert_msg(strncmp(strbuf_str(&out), addresses[_i].expected, strlen(addresses[_i].expected)) == 0, "%s", strbuf_str(&out));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&out), "X-Amz-Credential=me%3Amy%2F"));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&out), "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22&"));
    strbuf_release(&out);
    storage_close(storage);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("s3_sign");
    TCase *cases = tcase_create("s3_sign");
    tcase_add_loop_test(cases, test_s3_sign__published_examples, 0, sizeof(examples) / sizeof(examples[0]));
    tcase_add_test(cases, test_s3_sign__published_address);
    tcase_add_test(cases, test_s3_sign__encoding);
    tcase_add_test(cases, test_s3_sign__query_is_sorted);
    tcase_add_test(cases, test_s3_sign__too_many_headers);
    tcase_add_loop_test(cases, test_s3_sign__addresses, 0, sizeof(addresses) / sizeof(addresses[0]));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
