/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in, and words for what was wrong with them. */
#include "lib/io/http_tls.h"

#include <string.h>

int http_tls_set(CURL *easy, const struct http_tls *tls)
{
    if (curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls->ca_file ? "https" : "http") != CURLE_OK)
        return -1;
    if (!tls->ca_file)
        return 0;
    return curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert_file) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key_file) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK
               ? 0
               : -1;
}

/* With TLS 1.3 the other side's refusal comes after the handshake, when the request is on its way: an alert, read like an answer; or, where
 * that was lost with the connection, nothing but a connection that is gone (of which libcurl says that it cannot tell with whom it was). */
static bool is_alert(CURLcode code, const char *reason)
{
    return strstr(reason, "getpeername") || ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_SSL_CONNECT_ERROR) &&
                                             strstr(reason, "alert") != NULL);
}

bool http_tls_failed(CURLcode code, const char *reason, struct err *err)
{
    const char *text = NULL;
    if (is_alert(code, reason))
        text = "The other side does not accept our certificate.";
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        text = "The other side's certificate is not signed by our CA, or is for another name, or is out of date.";
    else if (code == CURLE_SSL_CACERT_BADFILE)
        text = "The CA's certificate (ca.pem) cannot be read.";
    else if (code == CURLE_SSL_CERTPROBLEM)
        text = "Our certificate or its key (cert.pem, key.pem) cannot be read, or they do not belong together.";
    else if (code == CURLE_SSL_CONNECT_ERROR && strstr(reason, "SSL routines"))
        text = "The other side does not speak TLS as we do.";
    if (!text)
        return false;
    err_set(err, ERR_UNAUTHORIZED, "%s", text);
    err_wrap(err, "%s", reason);
    return true;
}
