# SPDX-License-Identifier: Apache-2.0
"""Files in and out of sandboxes, with whatever storage driver and runtime the stack has."""
import concurrent.futures
import hashlib
import os
import random
import unittest

from files import FileCase, address_of, fetch, sha256, upload

NAMES = ("plain", "with space", "it's", 'quo"te', "back\\slash", "per%cent%20", "a+b&c=d?e#f;g", "ünïcödé", "日本語.csv", "🎉 party.txt",
         "-rf", "a" * 255, "deep/" * 20 + "leaf", ".hidden", "~", "upload", "trailing.", "*?[x]", "$(id)", "%2e%2e", "new/upload")
WRITE = "import os\ndef handler(event):\n    for path, text in event.items():\n        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)\n" \
        "        with open(path, 'w') as file:\n            file.write(text)"
READ = "def handler(event):\n    with open(event, encoding='latin-1', newline='') as file:\n        return file.read()"
EXISTS = "import os\ndef handler(event):\n    return [os.path.exists(path) for path in event]"


class Files(FileCase):
    def test_upload_execute_download(self):
        table = b"x,y\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(200))
        self.put("data/input.csv", table)
        code = "import csv, os\nrows = list(csv.DictReader(open('data/input.csv')))\nos.makedirs('output')\n" \
               "with open('output/result.csv', 'w') as out:\n    out.write('sum\\n%d\\n' % sum(int(row['y']) for row in rows))\n" \
               "with open('output/dot.png', 'wb') as out:\n    out.write(bytes.fromhex('89504e470d0a1a0a0000000d4948445200000001000000010806'\n" \
               "        '0000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082'))"
        result, about = self.finish(code)
        self.assert_success(result)
        self.assertEqual(sorted(result["artifacts"]), ["output/dot.png", "output/result.csv"])
        artifacts = {entry["path"]: entry for entry in about["artifacts"]}
        self.assertEqual(sorted(artifacts), ["output/dot.png", "output/result.csv"], "unchanged input is no artifact")
        self.assertEqual(about["artifacts_skipped"], 0)
        self.assertEqual(artifacts["output/dot.png"]["type"], "image/png")
        self.assertRegex(artifacts["output/result.csv"]["type"], "^text/(csv|plain)")
        self.assert_stored("output/result.csv", b"sum\n%d\n" % sum(n * n for n in range(200)), artifacts["output/result.csv"])
        self.assert_stored("data/input.csv", table)
        listed = self.listing()
        self.assertEqual(sorted(listed), ["data/input.csv", "output/dot.png", "output/result.csv"])
        for path, entry in listed.items():
            self.assertLessEqual({"path", "size", "modified_at", "etag"}, set(entry))
            self.assert_time(entry["modified_at"])
            self.assertEqual(entry["etag"].strip('"'), sha256(self.get(path)))
        self.assertEqual(sorted(self.listing(prefix="output/")), ["output/dot.png", "output/result.csv"])

    def test_there_at_once(self):
        """What a result tells of can be had the moment the result is there, from every worker."""
        clients = [self.stack.client() for _ in range(3)]
        for n in range(50):
            text = f"{n} " * (n + 1)
            answer = self.client.post(f"/sessions/{self.box}/execute?wait=10", {"code": WRITE, "language": "python", "event": {"now.txt": text}})
            self.assertEqual((answer.status, answer.json["status"]), (200, "success"), repr(answer))
            self.assertEqual(answer.json["artifacts"], ["now.txt"])
            self.assertEqual(self.get("now.txt", client=clients[n % 3]), text.encode(), n)

    def test_changed_deleted_renamed_moved(self):
        first = {"a/1": "one", "a/2": "two", "a/b/3": "three", "b": "bee", "gone/1": "x", "gone/deep/2": "y", "kept": "kept"}
        made = self.make(WRITE, event=first)
        self.assertEqual(sorted(made), sorted(first))
        before = self.listing()
        made = self.make("import os, shutil\nopen('a/1', 'a').write('+')\nos.remove('a/2')\nos.rename('b', 'c')\nos.rename('a', 'moved')\n"
                         "shutil.rmtree('gone')\nos.mkdir('empty')")
        wanted = {"moved/1": b"one+", "moved/b/3": b"three", "c": b"bee", "kept": b"kept"}
        after = self.listing()
        self.assertEqual(sorted(after), sorted(wanted))
        self.assertEqual(after["kept"], before["kept"])
        self.assertEqual(sorted(made), ["c", "moved/1", "moved/b/3"])
        for path, data in wanted.items():
            self.assert_stored(path, data, made.get(path))
        for path in ("a/1", "a/2", "b", "gone/1", "gone/deep/2", "empty"):
            self.assert_error(self.client.get(address_of(self.box, path)), 404, "Sandbox.FileNotFound")
        # a file becomes a directory, and a directory a file
        self.make("import os, shutil\nos.remove('kept')\nos.mkdir('kept')\nopen('kept/in', 'w').write('in')\nshutil.rmtree('moved')\n"
                  "open('moved', 'w').write('file')")
        self.assertEqual(sorted(self.listing()), ["c", "kept/in", "moved"])
        self.assert_stored("moved", b"file")
        self.assert_stored("kept/in", b"in")

    def test_unchanged_files_cost_nothing(self):
        self.put("uploaded", b"u" * 1000)
        self.make(WRITE, event={f"kept/{n}": str(n) for n in range(50)})
        before = self.listing()
        objects = self.stack.sql(f"SELECT path, object_id FROM workspace_files WHERE session_id = '{self.box}' ORDER BY path")
        result, about = self.finish("def handler(event):\n    return [open('kept/%d' % n).read() for n in range(50)]")
        self.assert_success(result, [str(n) for n in range(50)])
        self.assertEqual((result["artifacts"], about["artifacts"], about["artifacts_skipped"]), ([], [], 0))
        made = self.make(WRITE, event={"kept/7": "changed"})
        self.assertEqual(sorted(made), ["kept/7"])
        after = self.listing()
        self.assertNotEqual(after.pop("kept/7"), before.pop("kept/7"))
        self.assertEqual(after, before)
        again = self.stack.sql(f"SELECT path, object_id FROM workspace_files WHERE session_id = '{self.box}' ORDER BY path")
        self.assertEqual([a[0] for a, b in zip(objects, again) if a != b], ["kept/7"])

    def test_sessions_are_apart(self):
        other = self.session()
        self.put("mine", b"secret")
        self.make(WRITE, event={"made": "secret too"})
        for path in ("mine", "made"):
            self.assert_error(self.client.get(address_of(other, path)), 404, "Sandbox.FileNotFound")
        self.put("mine", b"of the other", session=other)
        self.assertEqual(self.value(EXISTS, session=other, event=["mine", "made"]), [True, False])
        self.assertEqual(sorted(self.listing(other)), ["mine"])
        self.assertEqual(self.get("mine"), b"secret")
        stranger = self.stack.client(self.stack.make_token("stranger"))
        for method, path in (("GET", "mine"), ("HEAD", "mine"), ("DELETE", "mine"), ("GET", "")):
            self.assertEqual(stranger.request(method, address_of(self.box, path)).status, 404, f"{method} {path}")
        self.assert_error(upload(stranger, self.box, "mine", b"theirs"), 404, "Sandbox.SessionNotFound")
        self.assertEqual(self.get("mine"), b"secret")

    def test_four_at_once(self):
        code = "import os, time\ndef handler(event):\n    os.makedirs(event)\n    for n in range(50):\n" \
               "        open('%s/%d' % (event, n), 'w').write(event * n)\n        time.sleep(0.002)"
        executions = [self.client.submit(self.box, code, event=name) for name in "abcd"]
        for name, execution in zip("abcd", executions):
            self.assert_success(self.client.result(execution))
            about = self.client.get(f"/executions/{execution}").json
            self.assertLessEqual({f"{name}/{n}" for n in range(50)}, {entry["path"] for entry in about["artifacts"]}, name)
        self.assertEqual(sorted(self.listing()), sorted(f"{name}/{n}" for name in "abcd" for n in range(50)))
        for name in "abcd":
            self.assertEqual(self.get(f"{name}/49"), name.encode() * 49)

    def test_shell(self):
        self.put("in.txt", b"b\na\n")
        made = self.make("mkdir -p out && sort in.txt > out/sorted.txt && printf 'x' > here", "shell")
        self.assertEqual(sorted(made), ["here", "out/sorted.txt"])
        self.assert_stored("out/sorted.txt", b"a\nb\n", made["out/sorted.txt"])

    def test_javascript(self):
        template = "python-basic" if self.stack.runtime == "process" else "nodejs-basic"
        if self.stack.image_missing(template):
            self.skipTest(f"the image of {template} is not here")
        box = self.session(template)
        self.put("in.json", b'{"n": 6}', session=box)
        code = "const fs = require('fs');\nexports.handler = async (event) => {\n  const {n} = JSON.parse(fs.readFileSync('in.json'));\n" \
               "  fs.mkdirSync('out');\n  fs.writeFileSync('out/r.json', JSON.stringify({r: n * event.by}));\n};"
        made = self.make(code, "javascript", session=box, event={"by": 7})
        self.assertEqual(sorted(made), ["out/r.json"])
        self.assertEqual(self.get("out/r.json", session=box), b'{"r":42}')

    def test_modes(self):
        made = self.make("printf '#!/bin/sh\\necho it runs\\n' > run.sh && chmod 750 run.sh && echo x > plain && chmod 600 plain", "shell")
        self.assertEqual(sorted(made), ["plain", "run.sh"])
        result, about = self.finish("./run.sh && stat -c %a run.sh plain", "shell")
        self.assert_success(result)
        self.assertEqual((result["stdout"], about["artifacts"]), ("it runs\n750\n600\n", []))
        modes = self.stack.sql(f"SELECT CONVERT(path USING utf8mb4), mode FROM workspace_files WHERE session_id = '{self.box}' ORDER BY path")
        self.assertEqual(modes, [["plain", str(0o600)], ["run.sh", str(0o750)]])

    def test_every_byte_and_none(self):
        data = bytes(range(256)) * 33 + b"\r\n--" + os.urandom(5000)
        self.put("up.bin", data)
        self.put("up.empty", b"")
        made = self.make("import shutil\nshutil.copy('up.bin', 'down.bin')\nopen('down.empty', 'w').close()")
        self.assertEqual(sorted(made), ["down.bin", "down.empty"])
        self.assert_stored("down.bin", data, made["down.bin"])
        self.assert_stored("down.empty", b"", made["down.empty"])
        self.assert_stored("up.bin", data)
        self.assert_stored("up.empty", b"")
        self.assertEqual(self.value("import hashlib\ndef handler(event):\n    return hashlib.sha256(open('up.bin', 'rb').read()).hexdigest()"),
                         sha256(data))

    def test_names(self):
        for name in NAMES:
            self.put(f"up/{name}", name.encode())
        made = self.make(WRITE, event={f"made/{name}": name for name in NAMES})
        wanted = sorted(f"{top}/{name}" for top in ("up", "made") for name in NAMES)
        self.assertEqual(sorted(self.listing()), wanted)
        self.assertEqual(sorted(made), sorted(f"made/{name}" for name in NAMES))
        self.assertEqual(self.value("def handler(event):\n    return [open('up/' + name).read() == name for name in event]", event=NAMES),
                         [True] * len(NAMES))
        for path in wanted:
            answer = fetch(self.client, self.box, path)
            self.assertEqual((answer.status, answer.body), (200, path.partition("/")[2].encode()), path)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertRegex(answer.headers["Content-Disposition"], r"^attachment; filename=\".*\"; filename\*=UTF-8''[!-~]+$")

    def test_names_that_cannot_be_stored(self):
        code = "import os\nfor name in (b'new\\nline', b'bad\\xff', b'tab\\t', b'esc\\x1b[31m', b'del\\x7f', b'half\\xc3', b'low\\xed\\xa0\\x80'):\n" \
               "    open(name, 'w').write('x')\nos.mkdir(b'dir\\n')\nopen(b'dir\\n/inner', 'w').write('x')\nopen('good', 'w').write('good')"
        result, about = self.finish(code)
        self.assert_success(result)
        self.assertEqual([entry["path"] for entry in about["artifacts"]], ["good"])
        self.assertEqual(about["artifacts_skipped"], 8)
        self.assertEqual(sorted(self.listing()), ["good"])
        self.assertEqual(len(self.value("import os\ndef handler(event):\n    return os.listdir('.')")), 9)
        self.assert_works(self.box)

    def test_after_the_end(self):
        self.put("up", b"up")
        self.make(WRITE, event={"made": "made"})
        self.client.delete(f"/sessions/{self.box}")
        self.assertEqual(sorted(self.listing()), ["made", "up"])
        self.assert_stored("up", b"up")
        self.assert_stored("made", b"made")
        self.assert_error(upload(self.client, self.box, "new", b"x"), 404, "Sandbox.SessionNotFound")
        self.assertEqual(self.client.delete(address_of(self.box, "up")).status, 204)
        self.assertEqual(sorted(self.listing()), ["made"])

    def test_upload_while_creating(self):
        """There at the first execution, though nothing was there to put it into."""
        box = self.client.create(resources={"cpu": "0.5"})  # no warm one has this
        self._sessions.append(box)
        self.put("early/bird", b"worm", session=box)
        execution = self.client.submit(box, READ, event="early/bird")
        self.assert_success(self.client.result(execution), "worm")

    def test_upload_is_there(self):
        """Each execution finds what was uploaded before it, and code and client overwrite each other's."""
        for n in range(20):
            self.put("turn", str(n).encode())
            self.assertEqual(self.value(READ, event="turn"), str(n))
        made = self.make("open('turn', 'a').write('+')")
        self.assert_stored("turn", b"19+", made["turn"])
        self.put("turn", b"again")
        self.assertEqual(self.value(READ, event="turn"), "again")

    def test_delete(self):
        self.put("dir/up", b"up")
        self.make(WRITE, event={"dir/made": "made", "dir/kept": "kept"})
        for path in ("dir/up", "dir/made"):
            self.assertEqual(self.client.delete(address_of(self.box, path)).status, 204)
            self.assert_error(self.client.get(address_of(self.box, path)), 404, "Sandbox.FileNotFound")
            self.assert_error(self.client.delete(address_of(self.box, path)), 404, "Sandbox.FileNotFound")
        self.assertEqual(self.value(EXISTS, event=["dir/up", "dir/made", "dir/kept"]), [False, False, True])
        self.assertEqual(sorted(self.listing()), ["dir/kept"])
        self.put("dir/up", b"new")
        self.assertEqual(self.value(READ, event="dir/up"), "new")

    def test_parts_and_conditions(self):
        data = os.urandom(300000)
        self.put("data.bin", data)
        etag = f'"{sha256(data)}"'
        whole = fetch(self.client, self.box, "data.bin")
        self.assertEqual(whole.headers["ETag"], etag)
        self.assertRegex(whole.headers["Last-Modified"], "GMT$")
        part = fetch(self.client, self.box, "data.bin", Range="bytes=1000-1999")
        self.assertEqual((part.status, part.body), (206, data[1000:2000]), repr(part.headers.items()))
        self.assertEqual(part.headers["Content-Range"], "bytes 1000-1999/300000")
        tail = fetch(self.client, self.box, "data.bin", Range="bytes=-7")
        self.assertEqual((tail.status, tail.body), (206, data[-7:]))
        self.assertEqual(fetch(self.client, self.box, "data.bin", Range="bytes=300000-").status, 416)
        self.assertEqual(fetch(self.client, self.box, "data.bin", **{"If-None-Match": etag}).status, 304)
        stale = fetch(self.client, self.box, "data.bin", Range="bytes=0-9", **{"If-Range": '"other"'})
        self.assertEqual((stale.status, stale.body == data), (200, True))
        head = fetch(self.client, self.box, "data.bin", "HEAD")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", "300000"))


class Limits(FileCase):
    def test_upload_limits(self):
        self.put("old", b"old")
        self.stack.sql(f"UPDATE sessions SET workspace_bytes = disk_mb * 1048576 - 10 WHERE id = '{self.box}'")
        self.assert_error(upload(self.client, self.box, "new", b"x" * 11), 413, "Sandbox.PayloadTooLarge")
        self.assert_error(upload(self.client, self.box, "old", b"x" * 14), 413, "Sandbox.PayloadTooLarge")
        self.assertEqual(self.get("old"), b"old")
        self.put("new", b"x" * 10)

    def test_conflicts_and_bad_paths(self):
        self.put("a/b", b"b")
        for path in ("a", "a/b/c"):
            self.assert_error(upload(self.client, self.box, path, b"x"), 409, "Sandbox.Conflict")
        for path in ("../x", "/etc/passwd", "a/../../x", "a//b", "a/", ".", "a/./b", "x\x01", "d/" * 64 + "x", "n" * 256):
            self.assert_error(upload(self.client, self.box, path, b"x"), 400, "Sandbox.InvalidParameter", "path")
        self.assertEqual(sorted(self.listing()), ["a/b"])


class Large(FileCase):
    def test_ten_thousand_files(self):
        code = "import os\ndef handler(event):\n    for n in range(event):\n        if n % 100 == 0:\n            os.makedirs('many/%d' % (n // 100))\n" \
               "        with open('many/%d/%d' % (n // 100, n), 'w') as file:\n            file.write('content of %d' % n)"
        default = 10000 if os.environ.get("SANDBOX_LONG") or not (self.stack.sanitized or self.driver == "s3") else 2000
        count = int(os.environ.get("E2E_FILES") or default)
        result, about = self.finish(code, limit=120, event=count, timeout=60)
        self.assert_success(result)
        self.assertEqual(self.total(), count)
        self.assertEqual(len(about["artifacts"]) + about["artifacts_skipped"], count)
        self.assertGreaterEqual(len(about["artifacts"]), min(count, 1000))
        listed = self.listing()
        self.assertEqual(set(listed), {f"many/{n // 100}/{n}" for n in range(count)})
        for n in random.Random(4).sample(range(count), 50):
            data = f"content of {n}".encode()
            self.assert_stored(f"many/{n // 100}/{n}", data)
            self.assertEqual(listed[f"many/{n // 100}/{n}"]["etag"].strip('"'), sha256(data))
        # with all of them there, one change is one change
        made = self.make(WRITE, event={"many/5/500": "changed"})
        self.assertEqual(sorted(made), ["many/5/500"])
        self.assert_stored("many/5/500", b"changed", made["many/5/500"])
        made = self.make("import shutil\nshutil.rmtree('many')\nopen('last', 'w').write('last')", limit=90)
        self.assertEqual((sorted(made), sorted(self.listing())), (["last"], ["last"]))

    def large_file(self, mebibytes):
        code = "import hashlib\ndef handler(event):\n    block, sum = bytes(range(251)) * 4178, hashlib.sha256()\n" \
               "    with open('large.bin', 'wb') as file:\n        left = event << 20\n        while left:\n" \
               "            piece = block[left % 251:][:left]\n            left -= file.write(piece)\n            sum.update(piece)\n    return sum.hexdigest()"
        result, about = self.finish(code, limit=300, event=mebibytes, timeout=120)
        self.assert_success(result)
        wanted = result["return_value"]
        self.assertEqual([(e["path"], e["size"], e["sha256"]) for e in about["artifacts"]], [("large.bin", mebibytes << 20, wanted)])
        self.assertEqual(sha256(self.get("large.bin")), wanted)
        part = fetch(self.client, self.box, "large.bin", Range=f"bytes={(mebibytes << 20) - 5}-")
        self.assertEqual((part.status, len(part.body)), (206, 5))
        other = self.make("open('other', 'w').write('x')")
        self.assertEqual(sorted(other), ["other"])

    def test_200_megabytes(self):
        self.large_file(200 if not self.stack.sanitized else 40)

    def test_a_gigabyte(self):
        if not os.environ.get("SANDBOX_LONG"):
            self.skipTest("only with SANDBOX_LONG=1")
        box = self.session(resources={"disk": "3Gi"})
        self.client.delete(f"/sessions/{self.box}")
        self.box = box
        self.large_file(1024)

    def test_upload_of_the_largest(self):
        data = os.urandom(1 << 20) * 100
        answer = upload(self.client, self.box, "largest", data + b"x")
        self.assert_error(answer, 413, "Sandbox.PayloadTooLarge")
        self.client.close()
        self.put("largest", data)
        code = "import hashlib\ndef handler(event):\n    return hashlib.sha256(open('largest', 'rb').read()).hexdigest()"
        wanted = hashlib.sha256(data).hexdigest()
        self.assertEqual(self.value(code), wanted)
        self.assertEqual(sha256(self.get("largest")), wanted)

    def test_many_uploads_at_once(self):
        """Into one session, from eight clients."""
        def send(n):
            client = self.stack.client()
            try:
                return [upload(client, self.box, f"up/{n}/{turn}", f"{n} {turn}".encode() * 100).status for turn in range(25)]
            finally:
                client.close()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = [status for done in pool.map(send, range(8)) for status in done]
        self.assertEqual(set(statuses), {200})
        found = self.value("import os\ndef handler(event):\n    return sorted(os.path.join(top, name) for top, _, names in os.walk('up') for name in names)")
        self.assertEqual(found, sorted(f"up/{n}/{turn}" for n in range(8) for turn in range(25)))
        self.assertEqual(sorted(self.listing()), found)
        self.assertEqual(self.get("up/3/4"), b"3 4" * 100)


if __name__ == "__main__":
    unittest.main()
