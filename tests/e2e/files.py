# SPDX-License-Identifier: Apache-2.0
"""Files through the API, as a client has them: uploads, downloads, lists; and what every test of them looks at."""
import hashlib
import http.client
import urllib.parse

from base import Case
from client import Answer

BOUNDARY = "----boundary-of-the-tests-7b1c"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def address_of(session, path=""):
    return f"/sessions/{session}/files" + ("/" + urllib.parse.quote(path, safe="/") if path else "")


def multipart(name, path):
    """What comes before and after a file's bytes in an upload."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    head = "" if path is None else f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{path}\r\n'
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n' \
            "Content-Type: application/octet-stream\r\n\r\n"
    return head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(client, session, path, data, name="upload.bin"):
    head, tail = multipart(name, path)
    return client.post(address_of(session, "upload"), head + data + tail,
                       headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def fetch(client, session, path, method="GET", **headers):
    """What a client gets that follows a redirect, as curl -L does; without its token there."""
    answer = client.request(method, address_of(session, path), headers=headers)
    if answer.status != 307:
        return answer
    place = urllib.parse.urlsplit(answer.headers["Location"])
    line = http.client.HTTPConnection(place.hostname, place.port, timeout=100)
    try:
        line.request(method, f"{place.path}?{place.query}", headers=headers)
        response = line.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        line.close()


class FileCase(Case):
    def setUp(self):
        self.box = self.session()

    def tearDown(self):
        self.client.delete(f"/sessions/{self.box}")

    @property
    def driver(self):
        """"file" or "s3"."""
        return self.client.session_status(self.box)["workspace_path"].partition(":")[0]

    def put(self, path, data, session=None, client=None):
        answer = upload(client or self.client, session or self.box, path, data)
        self.assertEqual((answer.status, answer.json if answer.status == 200 else None), (200, {"path": path, "size": len(data)}), repr(answer))

    def get(self, path, session=None, client=None):
        answer = fetch(client or self.client, session or self.box, path)
        self.assertEqual(answer.status, 200, f"{path}: {answer!r}")
        return answer.body

    def listing(self, session=None, prefix=""):
        """All files: path to entry."""
        found = {}
        while True:
            query = urllib.parse.urlencode({"limit": 200, "offset": len(found), "prefix": prefix})
            answer = self.client.get(f"{address_of(session or self.box)}?{query}")
            self.assertEqual(answer.status, 200, repr(answer))
            found.update((entry["path"], entry) for entry in answer.json["files"])
            if len(found) >= answer.json["total"] or not answer.json["files"]:
                self.assertEqual(len(found), answer.json["total"])
                return found

    def total(self, session=None):
        return self.client.get(f"{address_of(session or self.box)}?limit=1").json["total"]

    def finish(self, code, language="python", session=None, limit=60, **fields):
        """Runs it; its result, and what GET of the execution says."""
        execution = self.client.submit(session or self.box, code, language, **fields)
        result = self.client.result(execution, limit)
        return result, self.client.get(f"/executions/{execution}").json

    def make(self, code, language="python", **more):
        """Runs code that must succeed: its artifacts by path."""
        result, about = self.finish(code, language, **more)
        self.assert_success(result)
        return {entry["path"]: entry for entry in about["artifacts"]}

    def value(self, code, **more):
        """What a handler returns."""
        result, _ = self.finish(code, **more)
        self.assert_success(result)
        return result["return_value"]

    def assert_stored(self, path, data, artifact=None):
        """It is there, whole, with the right size and sum wherever they are said."""
        answer = fetch(self.client, self.box, path)
        self.assertEqual(answer.status, 200, f"{path}: {answer!r}")
        self.assertTrue(answer.body == data, f"{path}: other bytes ({len(answer.body)}, not {len(data)})")
        if artifact is not None:
            self.assertEqual((artifact["size"], artifact["sha256"]), (len(data), sha256(data)), artifact)
