# SPDX-License-Identifier: Apache-2.0
"""Hooks of schemathesis (tests/e2e/test_generated.py): about half of the well-formed ids become ids of things that exist, and what is made
is removed at once. Never random: what is done depends on the generated request alone."""
import json
import os
import re
import zlib

import requests
import schemathesis

REAL = json.loads(os.environ["SCHEMATHESIS_REAL"])  # kind: an id; "victim": for what ends it
WELL_FORMED = {
    "sessions": r"sess_[a-z0-9]{16}", "executions": r"exec_[0-9]{8}_[a-z0-9]{8}", "templates": r"[a-z0-9][a-z0-9-]{0,62}",
    "containers": r"[0-9a-f]{12}", "nodes": r"[^/]+",
}
SHIPPED = ("python-basic", "python-datascience", "nodejs-basic")  # stay as they are


def coin(*parts):
    return zlib.crc32(repr(parts).encode(errors="replace")) % 2 == 0


def real_id(case, kind):
    if kind == "sessions" and (case.method == "DELETE" or "container_exited" in case.path):
        return REAL["victim"]
    return REAL[kind]


def use_real_id(case):
    kind = case.path.removeprefix("/internal").split("/")[1]
    identity = (case.path_parameters or {}).get("id")
    if not isinstance(identity, str) or not re.fullmatch(WELL_FORMED.get(kind, "(?!)"), identity):
        return
    if case.method in ("PUT", "DELETE") and identity in SHIPPED or coin(case.path, identity, case.body):
        case.path_parameters["id"] = real_id(case, kind)


def tame_body(case):
    """Makes good requests hit something, and last not long. What is wrong in a body stays so."""
    body = case.body
    if not isinstance(body, dict):
        return
    if case.path == "/sessions" and re.fullmatch(WELL_FORMED["templates"], str(body.get("template_id"))) and coin(body):
        body["template_id"] = "python-basic"
    if "/execute" in case.path and type(body.get("timeout")) is int and 5 < body["timeout"] <= 3600:
        body["timeout"] = 5
    if case.path.startswith("/templates") and isinstance(body.get("pool"), dict):
        for name in ("min", "target"):  # no thousand warm sandboxes
            if type(body["pool"].get(name)) is int and 0 < body["pool"][name] <= 1000:
                body["pool"][name] = 0
    if case.path == "/nodes/{id}" and body.get("status") == "draining":
        body["status"] = "ready"


@schemathesis.hook
def before_call(context, case, kwargs):
    use_real_id(case)
    tame_body(case)


@schemathesis.hook
def after_call(context, case, response):
    """A session or template of a generated request goes at once."""
    if case.method != "POST" or case.path not in ("/sessions", "/templates") or response.status_code != 201:
        return
    made = json.loads(response.content)
    path = f"{case.path}/{made.get('session_id') or made.get('id')}"
    done = requests.delete(os.environ["SCHEMATHESIS_BASE"] + path, timeout=30,
                           headers={"Authorization": f"Bearer {os.environ['SCHEMATHESIS_TOKEN']}"})
    if done.status_code not in (200, 204):
        raise AssertionError(f"DELETE {path}: {done.status_code} {done.text}")
