# SPDX-License-Identifier: Apache-2.0
"""A stack with TLS (SANDBOX_TLS=1): its own certificate, nothing old, nothing in the clear."""
import http.client
import socket
import ssl
import unittest

from base import Case

# method | path | status
ROUTES = (("GET", "/health", 200), ("GET", "/api/v1/health", 200), ("GET", "/api/v1/templates", 200), ("GET", "/api/v1/sessions?limit=1", 200),
          ("GET", "/api/v1/nothing", 404), ("PATCH", "/api/v1/sessions", 405), ("GET", "/openapi.json", 200), ("GET", "/docs", 200),
          ("GET", "/api/v1/sessions/%zz", 400))


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.stack.authority:
            raise unittest.SkipTest("this stack has no TLS")

    def connect(self, low=ssl.TLSVersion.MINIMUM_SUPPORTED, high=ssl.TLSVersion.MAXIMUM_SUPPORTED, ciphers=None):
        """Version and cipher of a connection by a client that would do with anything between these."""
        context = ssl.create_default_context(cafile=self.stack.authority)
        context.minimum_version, context.maximum_version = low, high
        context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", self.stack.port), 10) as line, \
                context.wrap_socket(line, server_hostname="localhost") as tls:
            return tls.version(), tls.cipher()[0]

    def test_workflow(self):
        box = self.session()
        self.assert_works(box)
        answer = self.client.post(f"/sessions/{box}/execute?wait=20", {"code": "print('x' * 300000)", "language": "python"})
        self.assertEqual(len(answer.json["stdout"]), 300001)
        self.assertEqual(self.client.delete(f"/sessions/{box}").status, 200)

    def test_routes(self):
        for method, path, status in ROUTES:
            with self.subTest(f"{method} {path}"):
                answer = self.client.request(method, path, raw_path=True)
                self.assertEqual(answer.status, status, repr(answer))
                self.assertEqual(answer.headers["Strict-Transport-Security"], "max-age=31536000")

    def test_certificate(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            http.client.HTTPSConnection("127.0.0.1", self.stack.port, timeout=10).request("GET", "/health")
        context = ssl.create_default_context(cafile=self.stack.authority)
        with socket.create_connection(("127.0.0.1", self.stack.port), 10) as line, self.assertRaises(ssl.SSLCertVerificationError):
            context.wrap_socket(line, server_hostname="example.org")

    def test_versions(self):
        old = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect(high=old)
        self.assertEqual(self.connect(high=ssl.TLSVersion.TLSv1_2)[0], "TLSv1.2")
        self.assertEqual(self.connect()[0], "TLSv1.3")

    def test_ciphers(self):
        new = ssl.TLSVersion.TLSv1_2
        for weak in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "NULL", "RC4", "3DES"):
            with self.subTest(weak), self.assertRaises((ssl.SSLError, ConnectionError)):
                self.connect(high=new, ciphers=f"{weak}:@SECLEVEL=0")
        self.assertRegex(self.connect(high=new)[1], r"^ECDHE-.*(GCM|CHACHA20)")

    def test_plain_http_is_refused(self):
        with socket.create_connection(("127.0.0.1", self.stack.port), 10) as line:
            line.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            try:
                while more := line.recv(4096):
                    answer += more
            except ConnectionResetError:
                pass
        self.assertNotIn(b"healthy", answer)
        self.assertRegex(answer[:12], rb"^(|HTTP/1\.1 400)$")


if __name__ == "__main__":
    unittest.main()
