# SPDX-License-Identifier: Apache-2.0
"""Who is told by webhooks: notes which ids it has taken, and now and then answers that it cannot, or not at all."""
import collections
import http.server
import random
import threading

REFUSED = 0.05


class Receiver:
    def __init__(self, seed):
        self.lock, self.draw = threading.Lock(), random.Random(f"receiver {seed}")
        self.taken, self.refused = collections.Counter(), collections.Counter()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = receiver.judge(self.headers.get("webhook-id", ""))
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/soak"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def judge(self, identity):
        """The answer; None: there is none."""
        with self.lock:
            if self.draw.random() < REFUSED:
                self.refused[identity] += 1
                return self.draw.choice((503, None))
            self.taken[identity] += 1
            return 204

    def close(self):
        self.server.shutdown()
        self.server.server_close()
