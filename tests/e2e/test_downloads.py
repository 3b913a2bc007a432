# SPDX-License-Identifier: Apache-2.0
"""Files of a session as clients see them: lists, downloads whole and in parts, conditions, names, deletion. What is looked at was put into
storage and the index directly, where storage is a directory; so each file has the name, type and content that the test wants."""
import hashlib
import http.client
import os
import random
import re
import string
import unittest
import urllib.request
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from base import Case
from client import Answer, Client
from test_web_servers import second_web_server

GONE = "Sandbox.FileNotFound"
INVALID = "Sandbox.InvalidParameter"
NAMES = ("with space.txt", "it's.txt", 'say "hi".txt', "back\\slash.txt", "äöü ß.txt", "日本語.txt", "\U0001f600.png", "100%.txt", "%41.txt",
         "%2e%2e", "a#b.txt", "what?.txt", "a;b=c.txt", "a&b+c.txt", "...", "-rf", "~", "upload", "x" * 255)
BAD_PATHS = ("", "/etc/passwd", "a//b", "a/", "a/./b", "a/../b", "../x", "..", ".", "%2e%2e/x", "a/%2e%2e/b", "%2Fetc%2Fpasswd", "a%2Fb", "a%0Ab",
             "a%00b", "a%7Fb", "%ff", "%c0%ae%c0%ae/x", "a%zz", "x" * 256, "/".join(["d"] * 65), "/".join(["y" * 200] * 6), "d/" * 300 + "f")


class Files(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.place = cls.stack.lib_dir / "workspaces"
        if "driver" in (cls.stack.run_dir / "sandbox.conf").read_text().partition("storage:")[2].partition("}")[0]:
            raise unittest.SkipTest("storage is no directory")
        cls.box = cls.session()
        cls.random = random.Random(1)
        cls.small = bytes(range(256)) * 4
        cls.put("data/small.bin", cls.small, "application/octet-stream")

    @classmethod
    def put(cls, path, content, mime="text/plain", session=None, keep=True):
        """As an upload leaves it: the object first, then the row."""
        session = session or cls.box
        name = "".join(cls.random.choices(string.ascii_lowercase, k=16)) if hasattr(cls, "random") else "firstobject00000"
        folder = cls.place / "sessions" / session
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder.parent, folder):
            os.chown(place, 0, cls.place.stat().st_gid)
            os.chmod(place, 0o2770)
        if keep:
            (folder / name).write_bytes(content)
            os.chmod(folder / name, 0o640)
        cls.stack.sql("INSERT INTO workspace_files (session_id, path, change_seq, pending, object_id, size, sha256, mime_type, modified_at) VALUES "
                      f"('{session}', X'{path.encode().hex()}', 0, FALSE, '{name}', {len(content)}, '{hashlib.sha256(content).hexdigest()}', "
                      f"'{mime}', '2026-01-06 10:00:00.500')")
        return folder / name

    def at(self, path, session=None):
        return f"/sessions/{session or self.box}/files/{quote(path)}"

    def ask(self, path, method="GET", session=None, **headers):
        return self.client.request(method, self.at(path, session), headers={name.replace("_", "-"): value for name, value in headers.items()})

    def check_headers(self, answer, content, mime, private=True):
        self.assertEqual(answer.headers["Content-Type"], mime)
        self.assertEqual(answer.headers["ETag"], f'"{hashlib.sha256(content).hexdigest()}"')
        self.assertEqual(parsedate_to_datetime(answer.headers["Last-Modified"]).isoformat(), "2026-01-06T10:00:00+00:00")
        self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
        self.assertEqual(answer.headers["Cache-Control"], "private, no-cache")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment; filename="), answer.headers["Content-Disposition"])
        self.check_hidden(answer)

    def check_hidden(self, answer):
        self.assertNotIn("workspaces", str(answer.headers))
        for name in answer.headers:
            self.assertNotIn("sendfile", name.lower())

    # --- lists

    def test_list(self):
        box = self.session()
        listed = self.client.get(f"/sessions/{box}/files").json
        self.assertEqual(listed, {"files": [], "total": 0})
        names = sorted(["a.txt", "b/1.txt", "b/2.txt", "b/c/3.txt", "B/x", "b%_.txt", "ä.txt"], key=str.encode)
        for name in names:
            self.put(name, name.encode(), session=box)

        def ask(**query):
            answer = self.client.get(f"/sessions/{box}/files?" + "&".join(f"{k}={quote(str(v))}" for k, v in query.items())).json
            return [file["path"] for file in answer["files"]], answer["total"]
        self.assertEqual(ask(limit=200), (names, 7))
        self.assertEqual(ask(prefix="b/"), (["b/1.txt", "b/2.txt", "b/c/3.txt"], 3))
        self.assertEqual(ask(prefix="b%"), (["b%_.txt"], 1))
        self.assertEqual(ask(prefix="ä"), (["ä.txt"], 1))
        self.assertEqual(ask(prefix="zzz"), ([], 0))
        self.assertEqual(ask(limit=2, offset=3), (names[3:5], 7))
        self.assertEqual(ask(limit=2, offset=100), ([], 7))
        first = self.client.get(f"/sessions/{box}/files?limit=1").json["files"][0]
        self.assertEqual(first, {"path": names[0], "size": len(names[0]), "modified_at": "2026-01-06T10:00:00Z",
                                 "etag": f'"{hashlib.sha256(names[0].encode()).hexdigest()}"'})
        for bad in ("prefix=%00", "prefix=%ff", "prefix=%0a", "prefix=" + "x" * 1025, "limit=0", "limit=201", "offset=-1", "x=1"):
            answer = self.client.get(f"/sessions/{box}/files?{bad}")
            self.assert_error(answer, 400, INVALID)
        self.assert_error(self.client.get(f"/sessions/{box}/files?prefix=" + "x" * 1025), 400, INVALID, "prefix")

    # --- downloads

    def test_whole_and_head(self):
        got = self.ask("data/small.bin")
        self.assertEqual((got.status, got.body == self.small), (200, True))
        self.check_headers(got, self.small, "application/octet-stream")
        self.assertEqual(got.headers["Content-Length"], str(len(self.small)))
        head = self.ask("data/small.bin", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        changing = ("Date", "X-Request-Id", "Connection", "Keep-Alive")
        for one, other in ((got, head), (head, got)):
            for name, value in one.headers.items():
                if name not in changing:
                    self.assertEqual(other.headers[name], value, name)

    def test_types(self):
        for name, mime in (("plot.png", "image/png"), ("table.csv", "text/csv"), ("a.json", "application/json"), ("page.html", "text/html"), ("none", "")):
            content = f"<script>{name}</script>".encode()
            self.put("types/" + name, content, mime)
            for method in ("GET", "HEAD"):
                with self.subTest(f"{method} {name}"):
                    self.check_headers(self.ask("types/" + name, method), content, mime or "application/octet-stream")

    def test_empty(self):
        self.put("empty", b"")
        got = self.ask("empty")
        self.assertEqual((got.status, got.body, got.headers["Content-Length"]), (200, b"", "0"))
        self.check_headers(got, b"", "text/plain")
        self.assertEqual(self.ask("empty", Range="bytes=0-").status, 416)

    def test_ranges(self):
        size = len(self.small)
        for asked, first, last in (("0-0", 0, 0), ("0-99", 0, 99), ("100-", 100, size - 1), ("-1", size - 1, size - 1), ("-300", size - 300, size - 1),
                                   (f"0-{size * 9}", 0, size - 1), (f"-{size * 9}", 0, size - 1), (f"{size - 1}-", size - 1, size - 1)):
            with self.subTest(asked):
                got = self.ask("data/small.bin", Range=f"bytes={asked}")
                self.assertEqual((got.status, got.body == self.small[first:last + 1]), (206, True))
                self.assertEqual(got.headers["Content-Range"], f"bytes {first}-{last}/{size}")
                self.check_headers(got, self.small, "application/octet-stream")
        for asked in ("bytes=0-1,5-6", "bytes=x", "lines=0-1", "bytes=", "bytes=-", "0-5"):
            with self.subTest(asked):
                got = self.ask("data/small.bin", Range=asked)
                self.assertEqual((got.status, got.body == self.small), (200, True))
        for asked in (f"{size}-", f"{size}-{size + 5}", "-0", "9-5", "99999999999999999999-"):
            with self.subTest(asked):
                got = self.ask("data/small.bin", Range=f"bytes={asked}")
                self.assert_error(got, 416, "Sandbox.RangeNotSatisfiable")
                self.assertEqual(got.headers["Content-Range"], f"bytes */{size}")
        self.assertEqual(self.ask("data/small.bin", "HEAD", Range="bytes=0-1").headers["Content-Length"], str(size))

    def test_conditions(self):
        etag = f'"{hashlib.sha256(self.small).hexdigest()}"'
        for condition, status in ((etag, 304), (f"W/{etag}", 304), ("*", 304), (f'"x", {etag}', 304), ('"x"', 200), (etag.strip('"'), 200), ("", 200)):
            for method in ("GET", "HEAD"):
                with self.subTest(f"{method} {condition}"):
                    got = self.ask("data/small.bin", method, If_None_Match=condition)
                    self.assertEqual(got.status, status)
                    self.assertEqual(got.headers["ETag"], etag)
                    self.check_hidden(got)
                    if status == 304:
                        self.assertEqual(got.body, b"")
        for condition, status in ((etag, 206), (f"W/{etag}", 200), ('"x"', 200), ("Tue, 06 Jan 2015 10:00:00 GMT", 200)):
            got = self.ask("data/small.bin", Range="bytes=0-9", If_Range=condition)
            self.assertEqual((got.status, len(got.body)), (status, 10 if status == 206 else len(self.small)), condition)
        self.assertEqual(self.ask("data/small.bin", Range="bytes=0-9", If_None_Match=etag).status, 304)

    def test_names(self):
        for name in NAMES:
            with self.subTest(name):
                content = name.encode() * 3
                self.put(f"names/{name}", content)
                got = self.ask(f"names/{name}")
                self.assertEqual((got.status, got.body), (200, content))
                disposition = got.headers["Content-Disposition"]
                self.assertEqual(disposition.split("filename*=UTF-8''")[1], quote(name, safe="!#$&+-.^_`|~"))
                plain = disposition.split('filename="')[1].split('"; ')[0]
                self.assertTrue(plain.isascii() and len(plain) == len(name) and not set(plain) & set('"\\%'), disposition)
        self.put("upload", b"not the route")
        self.assertEqual(self.ask("upload").body, b"not the route")

    def test_large(self):
        content = self.random.randbytes(1024 * 1024) * 100
        self.put("large.bin", content)
        digest = hashlib.sha256(content).hexdigest()
        got = self.ask("large.bin")
        self.assertEqual((got.status, hashlib.sha256(got.body).hexdigest()), (200, digest))
        got = self.ask("large.bin", Range="bytes=50000001-99999999")
        self.assertEqual((got.status, got.body == content[50000001:100000000]), (206, True))

    # --- refusals

    def test_bad_paths(self):
        for path in BAD_PATHS:
            for method in ("GET", "DELETE"):
                with self.subTest(f"{method} {path[:40]}"):
                    answer = self.client.request(method, f"/sessions/{self.box}/files/{path}")
                    self.assert_error(answer, 400, INVALID)
                    self.assertIn(answer.json.get("field"), ("path", None))
        for path in ("", "a//b", "a/", "a%2Fb", "x" * 256, "/".join(["d"] * 65)):
            self.assert_error(self.client.get(f"/sessions/{self.box}/files/{path}"), 400, INVALID, "path")
        answer = self.client.request("PUT", self.at("data/small.bin"))
        self.assert_error(answer, 405, "Sandbox.MethodNotAllowed")
        for method in ("GET", "HEAD", "DELETE"):
            self.assertIn(method, answer.headers["Allow"])

    def test_missing(self):
        for path in ("nothing", "data", "data/small.bin/x", "DATA/small.bin", "data/small", "%2e%2e", "/".join(["d"] * 64)):
            for method in ("GET", "DELETE"):
                self.assert_error(self.ask(path, method), 404, GONE)

    def test_others(self):
        other = Client(self.client.port, self.stack.make_token("others", "sessions"))
        for method in ("GET", "DELETE"):
            self.assert_error(other.request(method, self.at("data/small.bin")), 404, "Sandbox.SessionNotFound")
        self.assert_error(other.get(f"/sessions/{self.box}/files"), 404, "Sandbox.SessionNotFound")
        other.close()

    def test_delete(self):
        box = self.session()
        self.put("a", b"a", session=box)
        self.put("b", b"b", session=box)
        self.assertEqual(self.ask("a", "DELETE", box).status, 204)
        for method in ("GET", "DELETE"):
            self.assert_error(self.ask("a", method, box), 404, GONE)
        self.assertEqual([file["path"] for file in self.client.get(f"/sessions/{box}/files").json["files"]], ["b"])
        self.client.delete(f"/sessions/{box}")
        self.assertEqual(self.ask("b", session=box).body, b"b")
        self.assertEqual(self.ask("b", "DELETE", box).status, 204)
        self.assert_error(self.ask("b", session=box), 404, GONE)

    def test_object_is_lost(self):
        """What the index promises and storage does not have is a failure, and no empty file."""
        self.put("lost", b"lost", keep=False)
        answer = self.ask("lost")
        self.assert_error(answer, 500, "Sandbox.InternalError")
        self.check_hidden(answer)
        self.assertNotIn(b"workspaces", answer.body)

    def test_cut_in_the_middle(self):
        """An object that is shorter than it should be is not handed to the web server."""
        place = self.put("cut", b"x" * 1000000)
        os.truncate(place, 600000)
        self.assert_error(self.ask("cut"), 500, "Sandbox.InternalError")

    def test_nothing_else_can_be_sent(self):
        """A client's own words for the web server count for nothing."""
        got = self.ask("data/small.bin", X_Sendfile="/etc/passwd", SANDBOX_SENDFILE="off")
        self.assertEqual(got.body, self.small)

    def test_health(self):
        storage = self.client.get("/health/detailed").json["storage"]
        self.assertEqual(storage["status"], "healthy")
        self.assertGreaterEqual(storage["took_ms"], 0)


class Uploaded(Case):
    """What was uploaded comes back, whatever storage is: from us, or from the S3 server that we name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls.session()

    def upload(self, name, content):
        mark = "----mark" + hashlib.sha256(content).hexdigest()[:16]
        body = (f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode() + content +
                f'\r\n--{mark}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{name}\r\n--{mark}--\r\n'.encode())
        answer = self.client.request("POST", f"/sessions/{self.box}/files/upload", body,
                                     headers={"Content-Type": f"multipart/form-data; boundary={mark}"})
        self.assertEqual((answer.status, answer.json), (200, {"path": name, "size": len(content)}))

    def fetch(self, name, part=None):
        headers = {} if part is None else {"Range": f"bytes={part[0]}-{part[1]}"}
        answer = self.client.request("GET", f"/sessions/{self.box}/files/{quote(name)}", headers=headers)
        if answer.status != 307:
            return answer
        self.assertEqual((answer.headers["Cache-Control"], answer.body), ("no-store", b""))
        request = urllib.request.Request(answer.headers["Location"], headers=headers)
        with urllib.request.urlopen(request, timeout=60) as there:
            self.assertTrue(there.headers["Content-Disposition"].startswith("attachment; filename="))
            return Answer(there.status, there.headers, there.read())

    def test_content_comes_back(self):
        for size in (0, 1, 70000, 9 * 1024 * 1024):
            with self.subTest(size):
                name, content = f"ä {size}/b%.txt", os.urandom(size)
                self.upload(name, content)
                got = self.fetch(name)
                self.assertEqual((got.status, got.body == content), (200, True))
                head = self.client.request("HEAD", f"/sessions/{self.box}/files/{quote(name)}")
                # Apache leaves a length of 0 out there
                self.assertEqual((head.status, head.headers.get("Content-Length", "0")), (200, str(size)))
                self.assertEqual(head.headers["ETag"], f'"{hashlib.sha256(content).hexdigest()}"')
                if size > 1:
                    got = self.fetch(name, (10, size - 10))
                    self.assertEqual((got.status, got.body == content[10:size - 9]), (206, True))
                    self.assertEqual(got.headers["Content-Range"], f"bytes 10-{size - 10}/{size}")

    def test_new_content_has_a_new_tag(self):
        self.upload("same", b"one")
        first = self.fetch("same")
        self.upload("same", b"two")
        path, tag = f"/sessions/{self.box}/files/same", first.headers["ETag"]
        again = self.client.request("GET", path, headers={"If-None-Match": tag})
        self.assertEqual((again.status, again.body), (200, b"two"))
        self.assertEqual(self.client.request("GET", path, headers={"If-None-Match": again.headers["ETag"]}).status, 304)


class Streamed(Files):
    """The same by the workers themselves: behind a second web server, which does not say that it can."""

    @classmethod
    def setUpClass(cls):
        cls.server = None
        super().setUpClass()
        if cls.stack.authority:
            raise unittest.SkipTest("in the clear")
        cls.server, cls.port, cls.folder = second_web_server(cls.stack, lambda text: re.sub(r".*SANDBOX_SENDFILE.*\n", "", text))
        cls.client = Client(cls.port, cls.stack.token)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if cls.server:
            cls.server.terminate()
            cls.server.wait(10)
            cls.folder.cleanup()

    def test_cut_in_the_middle(self):
        """An object that is shorter than it should be breaks the connection: never a short success."""
        place = self.put("cut", b"x" * 1000000)
        os.truncate(place, 600000)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError, http.client.HTTPException)):
            # (Apache keeps a connection that it wants to keep open for a minute)
            if len(self.ask("cut", Connection="close").body) != 1000000:
                raise http.client.HTTPException("a short body that looked whole")
