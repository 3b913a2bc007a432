# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind to every route of contract.py: the documented status, code and field; and nothing is stored."""
import json
import re
import socket
import urllib.parse

from base import Case
from contract import BAD_IDS, ENDPOINTS, NOBODY
from contract_fields import NO_BODIES, TRICKS, dump
from stack import TOP

INVALID = "Sandbox.InvalidParameter"
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "LOCK", "PROPFIND")
# a row more or another value in one of these is something stored
TABLES = ("sessions", "executions", "templates", "tokens", "idempotency_keys", "cancellations", "owners", "audit", "container_questions")


def quote(text):
    return urllib.parse.quote(text, safe="", errors="surrogatepass")


def routes_of_source():
    text = (TOP / "fcgi" / "routes.c").read_text().replace('INTERNAL "', 'API "/internal').replace('API "', '"/api/v1')
    return {(method, path.removeprefix("/api/v1")) for method, path in re.findall(r'\{ "([A-Z]+)", "([^"]+)"', text)}


class Contract(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        there = routes_of_source()
        cls.endpoints = [e for e in ENDPOINTS if (e.method, e.path) in there]
        box = cls.session()
        execution = cls.client.submit(box, "print(1)")
        cls.client.result(execution)
        cls.stack.settle(limit=120)  # what earlier tests left comes to its end before rows are compared
        cls.real = {"session": box, "execution": execution, "template": "python-datascience", "node": "node-01",
                    "container": cls.client.session_status(box)["container_id"]}
        secret = cls.stack.sql(f"SELECT secret FROM containers WHERE id = '{cls.real['container']}'")[0][0]
        cls.container = cls.stack.client(secret)
        cls.narrow = {scope: cls.stack.client(cls.stack.make_token("contract", others)) for scope, others in
                      (("sessions", "templates,admin"), ("templates", "sessions,admin"), ("admin", "sessions,templates"))}

    @classmethod
    def tearDownClass(cls):
        for client in (cls.container, *cls.narrow.values()):
            client.close()
        super().tearDownClass()

    def setUp(self):
        self.before = self.stored()

    def tearDown(self):
        self.assertEqual(self.stored(), self.before, "something was stored, or changed")

    def stored(self):
        rows = self.stack.sql("SELECT " + ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in TABLES))[0]
        rows += [row[1] for row in self.stack.sql("CHECKSUM TABLE sessions, executions, templates")]
        return rows + self.stack.sql("SELECT GROUP_CONCAT(id, status, capacity) FROM (SELECT id, status, max_containers AS capacity FROM nodes "
                                     f"UNION ALL SELECT id, status, session_id FROM containers WHERE session_id = '{self.real['session']}') AS everything")

    # --- asking and judging

    def path_of(self, endpoint):
        return endpoint.to(self.real.get(endpoint.kind, ""))

    def send(self, endpoint, path, body=None, client=None, method=None, **more):
        return (client or (self.container if endpoint.internal else self.client)).request(method or endpoint.method, path, body, raw_path=True, **more)

    def judge_invalid(self, answer, endpoint, field=None):
        """What is wrong with the request's line is found before it is known whose it is."""
        early = field is None and answer.json["error_code"] == INVALID
        self.judge(answer, 400, INVALID if early else endpoint.invalid, field)

    def judge(self, answer, status, code, field=None):
        self.assert_error(answer, status, code)
        self.assertEqual(answer.headers.get_content_type(), "application/json")
        self.assertEqual(answer.json.get("request_id"), answer.headers["X-Request-Id"])
        if field is not None:
            self.assertEqual(answer.json.get("field", ""), field, repr(answer))

    def each(self, cases, judge):
        """One case after the other; all that fail are told at once."""
        wrong, count = [], 0
        for what, ask, *expected in cases:
            count += 1
            try:
                judge(ask(), *expected)
            except (AssertionError, OSError, ValueError, KeyError) as problem:
                wrong.append(f"{what}: {str(problem)[:600]}")
                self.client.close()
        if wrong or not count:
            self.fail(f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:25]))

    def with_body(self):
        return [e for e in self.endpoints if e.body]

    # --- the routes

    def test_every_route_is_in_the_table(self):
        rows = (TOP / "fcgi" / "routes.c").read_text().count('\n    { "')
        self.assertEqual(rows, len(self.endpoints), "rows of fcgi/routes.c, and endpoints here that are among them")
        self.assertEqual(routes_of_source() - {(e.method, e.path) for e in ENDPOINTS}, set())

    def test_methods(self):
        def cases():
            for path in {e.prefix + e.path for e in self.endpoints}:
                mine = [e for e in self.endpoints if e.prefix + e.path == path]
                mine += [e for e in self.endpoints if e.path.endswith("/{path...}") and e not in mine
                         and path.startswith(e.prefix + e.path.removesuffix("{path...}"))]
                allowed = {e.method for e in mine} | ({"HEAD"} if any(e.method == "GET" for e in mine) else set()) | {"OPTIONS"}
                for method in METHODS:
                    if method not in allowed:
                        yield f"{method} {path}", lambda e=mine[0], m=method: self.send(e, self.path_of(e), method=m), allowed
        def judge(answer, allowed):
            self.judge(answer, 405, "Sandbox.MethodNotAllowed")
            self.assertEqual(set(answer.headers["Allow"].split(", ")), allowed)
        self.each(cases(), judge)

    def test_tokens(self):
        headers = ({"Authorization": None}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dTpw"}, {"Authorization": "Bearer " + "x" * 8000},
                   {"Authorization": "Bearer sbx_" + "0" * 40}, {"Authorization": f"Bearer {self.stack.token}x"}, {"Authorization": "Bearer ' OR 1=1"})
        other = {True: {"Authorization": f"Bearer {self.stack.token}"}, False: {"Authorization": f"Bearer {self.container.token}"}}
        self.each(((f"{e} {head}", lambda e=e, head=head: self.send(e, self.path_of(e), headers=head), 401,
                    "Internal.Unauthorized" if e.internal else "Sandbox.Unauthorized")
                   for e in self.endpoints if e.scope for head in (*headers, other[e.internal])), self.judge)

    def test_scopes(self):
        self.each(((str(e), lambda e=e: self.send(e, self.path_of(e), client=self.narrow[e.scope]), 403, "Sandbox.Forbidden")
                   for e in self.endpoints if e.scope in self.narrow), self.judge)

    def test_ids(self):
        def cases():
            for e in self.endpoints:
                if not e.kind:
                    continue
                body = dump(e.body.good) if e.body else None
                for identity in (NOBODY[e.kind][0], *BAD_IDS[e.kind], *(trick for trick in TRICKS if trick not in (".", ".."))):
                    path = e.to(quote(identity))
                    yield f"{e} {identity[:40]!r}", lambda e=e, path=path, body=body: self.send(e, path, body), e, e.missing
                for identity in ("..", "%2e%2e", "%00", "a%00b", "%ff", "%c0%af", "%", "%zz", "a%0ab", "%2", "%ED%A0%80"):
                    yield f"{e} {identity}", lambda e=e, path=e.to(identity), body=body: self.send(e, path, body), e, None
        def judge(answer, endpoint, code):
            if code and answer.status == 404:
                self.judge(answer, 404, code)
            else:
                self.judge_invalid(answer, endpoint)
        self.each(cases(), judge)

    def test_queries(self):
        def cases():
            for e in self.endpoints:
                path, body = self.path_of(e), dump(e.body.good) if e.body else None
                for name in ("colour", "", "limit[]", "LIMIT", "'", *(name.upper() for name in e.query)):
                    yield f"{e} ?{name}", lambda e=e, url=f"{path}?{quote(name)}=1", body=body: self.send(e, url, body), e, name
                for name, kind in e.query.items():
                    for value in kind.bad:
                        url = f"{path}?{name}={quote(value)}"
                        yield f"{e} {name}={value[:40]!r}", lambda e=e, url=url, body=body: self.send(e, url, body), e, name if value.isprintable() else None
                    url = f"{path}?{name}=1&{name}=1"
                    yield f"{e} {name} twice", lambda e=e, url=url, body=body: self.send(e, url, body), e, name
                    for value in ("%", "%zz", "%00", "%ff", "%c0%af", "a%0ab"):
                        yield f"{e} {name}={value}", lambda e=e, url=f"{path}?{name}={value}", body=body: self.send(e, url, body), e, None
        self.each(cases(), self.judge_invalid)

    def test_queries_that_are_just_right(self):
        self.each(((f"{e} {name}={value[:40]!r}", lambda e=e, url=f"{e.nobody}?{name}={quote(value)}": self.send(
            e, url, dump(e.body.good) if e.body else None), e) for e in self.endpoints for name, kind in e.query.items() for value in kind.edges),
            self.judge_accepted)

    # --- bodies

    def judge_accepted(self, answer, endpoint):
        status, code = endpoint.accepted
        self.assertEqual(answer.status, status, repr(answer))
        if code:
            self.judge(answer, status, code)

    def judge_refused(self, answer, endpoint, field):
        """413 is right, too, for what is beyond the whole body's limit."""
        if answer.status == 413:
            self.judge(answer, 413, "Sandbox.PayloadTooLarge")
        else:
            self.judge_invalid(answer, endpoint, field)

    def test_bodies(self):
        self.each(((f"{e}: {what}", lambda e=e, value=value: self.send(e, self.path_of(e), dump(value)), e, where)
                   for e in self.with_body() for what, value, where in e.body.bad), self.judge_refused)

    def test_bodies_that_are_just_right(self):
        """They are taken: what is refused is the thing that they are about."""
        self.each(((f"{e}: {dump(value)[:200]!r}", lambda e=e, value=value: self.send(e, e.nobody, dump({**value, **e.override})), e)
                   for e in self.with_body() for value in e.body.edges), self.judge_accepted)

    def test_no_bodies(self):
        self.each(((f"{e}: {what}", lambda e=e, body=body: self.send(e, self.path_of(e), body), e, None)
                   for e in self.with_body() for what, body in NO_BODIES if what != "nothing" or e.body.members), self.judge_refused)

    def test_content_types(self):
        kinds = ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "application/json; charset=latin1", "json", None)
        self.each(((f"{e}: {kind}", lambda e=e, kind=kind: self.send(e, self.path_of(e), dump(e.body.good), headers={"Content-Type": kind}), 415,
                    "Sandbox.UnsupportedMediaType") for e in self.with_body() for kind in kinds), self.judge)

    def test_large_bodies(self):
        self.each(((f"{e}: {size}", lambda e=e, size=size: self.send(e, self.path_of(e), b'{"x": "' + b"x" * size + b'"}'), 413,
                    "Sandbox.PayloadTooLarge") for e in self.with_body() for size in (e.limit * 1024 * 1024 + 1, (e.limit + 3) * 1024 * 1024)), self.judge)

    def test_body_where_none_is_taken(self):
        """A web server may refuse a GET that has a body by itself."""
        def judge(answer, endpoint):
            if endpoint.method == "GET" and answer.status == 400:
                self.judge(answer, 400, INVALID)
            else:
                self.judge(answer, 413, "Sandbox.PayloadTooLarge")
        self.each(((str(e), lambda e=e: self.send(e, self.path_of(e), b"{}"), e) for e in self.endpoints if not e.body and not e.form), judge)

    def test_idempotency_keys(self):
        self.each(((f"{e}: {key[:20]!r}", lambda e=e, key=key: self.send(e, e.nobody, dump({**e.body.good, **e.override}),
                                                                        headers={"Idempotency-Key": key}), e)
                   for e in self.endpoints if e.idempotent for key in ("x" * 256, "\u00e4", "a\tb")), self.judge_invalid)

    # --- bodies of another length than announced

    def broken(self, endpoint, path, length, body):
        """What comes back for a body that is announced with `length` bytes, and then nothing more is sent."""
        token = f"Authorization: Bearer {(self.container if endpoint.internal else self.client).token}\r\n"
        head = (f"{endpoint.method} {path} HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/json\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.stack.port), 5) as line:
            line.sendall(head + body)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            answer = b""
            while chunk := line.recv(65536):
                answer += chunk
        return answer

    def test_bodies_cut_short(self):
        for e in self.with_body():
            body = dump({**e.body.good, **e.override})
            for kept in (0, 1, len(body) - 1, len(body)):
                with self.subTest(f"{e}: {kept} of {len(body) + 1}"):
                    answer = self.broken(e, self.path_of(e), len(body) + 1, body[:kept])
                    self.assertNotRegex(answer[:12], rb"^HTTP/1\.. (2|5)", answer)

    def test_bodies_longer_than_announced(self):
        """What is beyond is no part of the body, and no request either."""
        for e in self.with_body():
            with self.subTest(str(e)):
                answer = self.broken(e, e.nobody, 2, b'{}, "x": 1}')
                status = [int(code) for code in re.findall(rb"^HTTP/1\.[01] (\d+)", answer, re.M)]
                self.assertTrue(status and set(status) <= {400, 404}, answer)

    def test_workers_still_live(self):
        self.assertEqual(self.stack.worker_deaths(), self.deaths)
        self.assertEqual(json.loads(self.client.get("/health").body)["status"], "healthy")
