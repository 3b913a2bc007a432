# SPDX-License-Identifier: Apache-2.0
"""Each route of fcgi/routes.c with what it takes; tests/e2e/test_contract.py makes the cases. A new route is one Endpoint here."""
from contract_fields import (Object, Query, anything, array, boolean, callback_url, choice, cpu, env_vars, integer, labels, number, output, path, q_choice,
                             q_integer, q_text, signed, size, text)

# Well-formed ids that nobody has: what is sent there is checked as always, and stores nothing. Kind: (id, the answer's code)
NOBODY = {
    "session": ("sess_0000000000000000", "Sandbox.SessionNotFound"),
    "execution": ("exec_20260101_00000000", "Sandbox.ExecutionNotFound"),
    "template": ("no-such-template", "Sandbox.TemplateNotFound"),
    "container": ("000000000000", "Sandbox.ContainerNotFound"),
    "node": ("no-such-node", "Sandbox.NodeNotFound"),
}
# Ids that cannot be.
BAD_IDS = {
    "session": ("sess_", "sess_000000000000000", "sess_00000000000000000", "SESS_0000000000000000", "sess_000000000000000A", "exec_20260101_00000000",
                "sess_invalid123", "x" * 3000),
    "execution": ("exec_", "exec_20260101_0000000", "exec_20260101_000000000", "exec_2026010_000000000", "exec_20260101-00000000", "exec_x",
                  "sess_0000000000000000", "x" * 3000),
    "template": ("-a", "a_b", "A", "python-basic ", "x" * 64, "x" * 3000),
    "container": ("00000000000", "0000000000000", "00000000000g", "00000000000A", "x" * 3000),
    "node": ("node-01 ", "NODE-01", "x" * 65, "x" * 3000),
}


class Endpoint:
    """`scope`: what a token needs ("any": any token, None: no token, "container": a sandbox's own secret). `kind`: of the path's {id}.
    `body`, `query`: what it takes. `harmless`: members that turn a good body into one that stores nothing, and the answer to it;
    an endpoint with an id has its harmless id instead. `idempotent`: takes Idempotency-Key. `limit`: of the body, in MiB.
    `form`: the body is form data, which tests of its own send (test_uploads.py)."""

    def __init__(self, method, path, scope, kind=None, body=None, query=None, harmless=None, idempotent=False, prefix="/api/v1", limit=2, form=False):
        self.method, self.path, self.scope, self.kind = method, path, scope, kind
        self.body, self.query, self.idempotent, self.prefix, self.limit, self.form = body, query or {}, idempotent, prefix, limit, form
        # executors have error codes of their own
        self.internal = scope == "container"
        self.invalid = "Internal.InvalidParameter" if self.internal else "Sandbox.InvalidParameter"
        self.missing = "Internal.InvalidExecution" if self.internal else NOBODY[kind][1] if kind else None
        self.override, self.accepted = harmless or ({}, (404, self.missing) if kind else (200, None))

    def __str__(self):
        return f"{self.method} {self.path}"

    def to(self, identity):
        return self.prefix + self.path.replace("{id}", identity).replace("{path...}", "no/such.file")

    @property
    def nobody(self):
        return self.to(NOBODY[self.kind][0] if self.kind else "")


def required(name, kind):
    """An object of one member that must be there."""
    if not kind.required:
        kind.required = True
        kind.edges = [value for value in kind.edges if value is not None]
    return Object({name: kind}, required=True)


PAGE = {"limit": q_integer(1, 200), "offset": q_integer(0, 2**31 - 1)}
WAIT = q_integer(0, 60)
TRACE = q_integer(0, 1)  # 1 is for the scope "admin", which these tests' tokens have: test_trace.py
SESSION_STATES = ("creating", "running", "terminated", "timeout", "failed")
EXECUTION_STATES = ("pending", "running", "completed", "failed", "timeout", "crashed", "cancelled")
CONTAINER_STATES = ("creating", "warm", "running", "deleting", "deleted")
SINCE = Query(["", "now", "2026-01-06", "2026-01-06T10:00:00", "2026-13-06T10:00:00Z", "2026-02-30T10:00:00Z", "2026-01-06T24:00:00Z",
               "2026-01-06T10:60:00Z", "2026-01-06 10:00:00", "1767693600", "9" * 400, "'; DROP TABLE sessions; --", "../../etc/passwd"],
              ["2026-01-06T10:00:00Z", "2026-01-06T10:00:00.123Z", "2024-02-29T23:59:59Z"])

RESOURCES = Object({"cpu": cpu(), "memory": size("256Mi", "8Gi", "255Mi", "8193Mi"), "disk": size("1Gi", "50Gi", "1023Mi", "51201Mi"),
                    "max_processes": integer(128, 32, 1024)})
SESSION = Object({"template_id": text("no-such-template", 1, None, required=True, refused=("-a", "A", "a_b", "x" * 64, "python-basic "),
                                      edges=("a", "0", "x" * 63)),
                  "timeout": integer(300, 60, 3600), "resources": RESOURCES, "env_vars": env_vars(), "labels": labels(),
                  "callback_url": callback_url()}, required=True)
EXECUTION = Object({"code": text("print(1)", 1, 100 * 1024, free=True, required=True),
                    "language": choice("python", "python", "javascript", "shell", required=True),
                    "timeout": integer(30, 1, 3600), "event": anything(1024 * 1024), "env_vars": env_vars(), "max_retries": integer(2, 0, 3),
                    "callback_url": callback_url()},
                   required=True)
RENEWAL = Object({"timeout": integer(300, 60, 3600, required=True)}, required=True)
IMAGE_REFUSED = ("a b", "a;b", "\u00e4", "a$b", "a\\b")


def image(low, required=False):
    kind = text("sandbox/python:3.11-basic", low, 512, required=required, refused=IMAGE_REFUSED, edges=("a", "registry.example:5000/a/b@sha256:0123"))
    kind.bad = [case for case in kind.bad if case[1] not in ("..", ".", "/etc/passwd", "../../../etc/passwd", "a/b")]
    return kind


def minimum():
    """Refused as any number, but what is just right depends on the target."""
    kind = integer(0, 0, 1000)
    kind.edges = [0, None]
    return kind


def oci_runtime():
    kind = text("runc", 0, 64, refused=("a b", "a/b", "\u00e4"), edges=("", "io.containerd.runsc.v1"))
    kind.bad = [case for case in kind.bad if case[1] not in ("..", ".")]
    return kind


def pool():
    """min is at most target."""
    least = integer(0, 0, 1000)
    least.edges = [0, None]
    kind = Object({"min": least, "target": integer(5, 0, 1000), "max_idle": integer(3600, 0, 604800)})
    kind.bad.append(("min is above target", {"min": 6, "target": 5}, None))
    kind.edges += [{"min": 1000, "target": 1000}, {"min": 5, "target": 5}]
    return kind


def module():
    """The name of a Python module."""
    return text("numpy", 1, 128, refused=("a-b", "a.", ".a", "a..b", "1a", "a.1b", "\u00e4", "a,b"), edges=("_", "a1", "os.path", "A_1.b_2.c_3"))


TEMPLATE_MEMBERS = {
    "name": text("Contract", 1, 255, free=True, required=True),
    "image": image(1, required=True),
    "base_image": image(0),
    "pre_installed_packages": array(text("numpy>=1.24.0", 1, 200, free=True), 200),
    "languages": array(choice("python", "python", "javascript", "shell", required=True), 0, least=1, doubles=False),
    "preload": array(module(), 32, doubles=False),
    "default_resources": RESOURCES,
    "security_context": Object({"network_enabled": boolean(False), "read_only_root": boolean(True), "runtime": oci_runtime()}),
    "pool": pool(),
}
TEMPLATE = Object({"id": text("python-basic", 1, None, required=True, refused=("-a", "A", "a_b", "x" * 64)), **TEMPLATE_MEMBERS}, required=True)


def optional(members):
    """The same members, none of them required."""
    out = {}
    for name, kind in members.items():
        out[name] = Object.__new__(type(kind))
        out[name].__dict__.update(kind.__dict__)
        out[name].required = False
        out[name].bad = [case for case in kind.bad if case[0] != "is null"]
    return out


CHANGES = Object({**optional(TEMPLATE_MEMBERS), "deprecated": boolean(True)}, required=True)

EXIT_REASONS = ("normal", "sigterm", "sigkill", "oom_killed", "error")
RESULT = Object({"status": choice("success", "success", "failed", "timeout", "crashed", "cancelled", required=True), "stdout": output(),
                 "stderr": output(), "exit_code": signed(0, -2**31, 2**31 - 1), "execution_time": number(0.5, 1e9),
                 "metrics": Object({"duration_ms": number(75.2, 1e12), "cpu_time_ms": number(68, 1e12), "peak_memory_mb": number(42.5, 1e12)}),
                 "return_value": anything(4 * 1024 * 1024), "artifacts": array(path(1024), 1000),
                 "error": Object({"kind": text("exception", 1, 64, free=True), "message": text("m", 0, 16 * 1024, free=True)})}, required=True)
NOTHING = Object({}, required=True)
INTERNAL = [
    Endpoint("POST", "/internal/executions/{id}/status", "container", "execution", required("status", choice("running", "running", required=True))),
    Endpoint("POST", "/internal/executions/{id}/heartbeat", "container", "execution", NOTHING),
    Endpoint("POST", "/internal/executions/{id}/result", "container", "execution", RESULT, idempotent=True, limit=12),
    Endpoint("POST", "/internal/executions/{id}/artifacts", "container", "execution", required("artifacts", array(path(1024), 1000))),
    Endpoint("POST", "/internal/sessions/{id}/container_ready", "container", "session", NOTHING),
    Endpoint("POST", "/internal/sessions/{id}/container_exited", "container", "session",
             Object({"exit_code": signed(137, -255, 255, required=True), "exit_reason": choice("normal", *EXIT_REASONS, required=True)}, required=True)),
]

ENDPOINTS = [
    *INTERNAL,
    Endpoint("POST", "/sessions", "sessions", body=SESSION, harmless=({"template_id": "no-such-template"}, (404, "Sandbox.TemplateNotFound")),
             idempotent=True),
    Endpoint("GET", "/sessions", "sessions", query={**PAGE, "status": q_choice(*SESSION_STATES), "template_id": q_text(["python-basic", "x" * 500]),
                                                    "label.app": q_text(["", "x" * 500])}),
    Endpoint("GET", "/sessions/{id}", "sessions", "session"),
    Endpoint("POST", "/sessions/{id}/renew", "sessions", "session", body=RENEWAL),
    Endpoint("DELETE", "/sessions/{id}", "sessions", "session"),
    Endpoint("POST", "/sessions/{id}/execute", "sessions", "session", body=EXECUTION, query={"wait": WAIT, "trace": TRACE}, idempotent=True),
    Endpoint("POST", "/sessions/{id}/execute-sync", "sessions", "session", body=EXECUTION, query={"trace": TRACE}, idempotent=True),
    Endpoint("GET", "/sessions/{id}/executions", "sessions", "session", query={**PAGE, "status": q_choice(*EXECUTION_STATES)}),
    Endpoint("GET", "/sessions/{id}/files", "sessions", "session", query={**PAGE, "prefix": q_text(["", "data/", "x" * 1024])}),
    Endpoint("GET", "/sessions/{id}/files/{path...}", "sessions", "session"),
    Endpoint("DELETE", "/sessions/{id}/files/{path...}", "sessions", "session"),
    Endpoint("POST", "/sessions/{id}/files/upload", "sessions", "session", form=True),
    Endpoint("GET", "/executions/{id}", "sessions", "execution"),
    Endpoint("GET", "/executions/{id}/status", "sessions", "execution"),
    Endpoint("GET", "/executions/{id}/result", "sessions", "execution", query={"wait": WAIT, "trace": TRACE}),
    Endpoint("POST", "/executions/{id}/cancel", "sessions", "execution"),
    Endpoint("GET", "/templates", "any", query=PAGE),
    Endpoint("POST", "/templates", "templates", body=TEMPLATE, harmless=({"id": "python-basic"}, (409, "Sandbox.Conflict"))),
    Endpoint("GET", "/templates/{id}", "any", "template"),
    Endpoint("PUT", "/templates/{id}", "templates", "template", body=CHANGES),
    Endpoint("DELETE", "/templates/{id}", "templates", "template"),
    Endpoint("GET", "/containers", "sessions", query={**PAGE, "status": q_choice(*CONTAINER_STATES), "template_id": q_text(["python-basic"]),
                                                      "runtime_type": q_choice("process", "docker", "kubernetes")}),
    Endpoint("GET", "/containers/{id}", "sessions", "container"),
    Endpoint("GET", "/containers/{id}/logs", "sessions", "container", query={"tail": q_integer(1, 10000), "since": SINCE}),
    Endpoint("GET", "/nodes", "admin"),
    Endpoint("PUT", "/nodes/{id}", "admin", "node", body=required("status", choice("ready", "ready", "draining", required=True))),
    Endpoint("GET", "/health", None), Endpoint("GET", "/health/detailed", "any"),
    Endpoint("GET", "/health", None, prefix=""), Endpoint("GET", "/health/detailed", "any", prefix=""),
    Endpoint("GET", "/metrics", "admin"), Endpoint("GET", "/metrics", "admin", prefix=""),
]
