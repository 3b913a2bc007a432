# SPDX-License-Identifier: Apache-2.0
"""What the clients have executed, and what must come of it: each kind makes a body from a draw and a token of its own, and looks at the
result. The marked ones leave a mark in a file of their own each time they run, and return how many there are."""
import hashlib

MARK_PYTHON = """import os
os.makedirs('runs', exist_ok=True)
with open('runs/' + '{token}', 'a') as file:
    file.write('x')
runs = os.path.getsize('runs/' + '{token}')
"""
MARK_JAVASCRIPT = """const fs = require('fs');
fs.mkdirSync('runs', { recursive: true });
fs.appendFileSync('runs/{token}', 'x');
const runs = fs.statSync('runs/{token}').size;
"""


def same(what, got, wanted):
    return None if got == wanted else f"{what} is {str(got)[:120]!r}, not {str(wanted)[:120]!r}"


def text(size):
    """So many bytes, of which each place can be told from the others."""
    return "".join(f"{n:09d}\n" for n in range(size // 10))


class Kind:
    """status: what it ends as; marked: it leaves marks; language: what its sandbox must have; body(): fields of the request; check(): what is wrong with a result of that status, or None."""
    status, marked, weight, language = "success", False, 1, "python"

    def body(self, draw, token):
        raise NotImplementedError

    def check(self, result, job):
        return None


class Value(Kind):
    """Returns what it was given, and the number of its marks."""
    marked = True

    def __init__(self, name, language, code, weight):
        self.name, self.language, self.code, self.weight = name, language, code, weight

    def body(self, draw, token):
        return {"code": self.code.replace("{token}", token), "language": self.language, "event": {"n": draw.randrange(1 << 50), "token": token}}

    def check(self, result, job):
        value = result["return_value"]
        if not isinstance(value, dict):
            return f"return value is {value!r}"
        return same("token", value.get("token"), job.token) or same("n", value.get("n"), job.body["event"]["n"]) or (
            None if value.get("runs", 0) >= 1 else f"it says it never ran: {value!r}")


class Hello(Kind):
    name, weight = "hello", 8

    def body(self, draw, token):
        return {"code": "def handler(event):\n    return event", "language": "python", "event": token}

    def check(self, result, job):
        return same("value", result["return_value"], job.token)


class Output(Kind):
    name, weight = "output", 2

    def body(self, draw, token):
        size = draw.choice((0, 10, 5000, 200_000, 1_000_000, 3_000_000))
        return {"code": f"import sys\nsys.stdout.write(''.join('%09d\\n' % n for n in range({size // 10})))\nsys.stderr.write({token!r})",
                "language": "python", "event": size}

    def check(self, result, job):
        whole, got = text(job.body["event"]), result["stdout"]
        if len(whole) > 1 << 20:
            return same("truncated", result["stdout_truncated"], True) or same("stderr", result["stderr"], job.token) or (
                None if got.startswith(whole[:400_000]) and got.endswith(whole[-400_000:]) else "head or tail of the output is not what was written")
        return same("stderr", result["stderr"], job.token) or (None if got == whole else f"output differs ({len(got)} bytes of {len(whole)})")


class Failing(Kind):
    name, status, weight = "failing", "failed", 2

    def body(self, draw, token):
        return {"code": f"raise ValueError({token!r})", "language": "python"}

    def check(self, result, job):
        return None if f"ValueError: {job.token}" in result["stderr"] else f"no traceback of ours: {result['stderr'][-200:]!r}"


class Overtime(Kind):
    name, status, weight = "overtime", "timeout", 1

    def body(self, draw, token):
        return {"code": f"print({token!r}, flush=True)\nimport time\ntime.sleep(60)", "language": "python", "timeout": 1}

    def check(self, result, job):
        return same("output", result["stdout"], job.token + "\n")


class Sleeping(Kind):
    name, marked, weight = "sleeping", True, 6

    def body(self, draw, token):
        return {"code": MARK_PYTHON.replace("{token}", token) + "import time\ndef handler(event):\n    time.sleep(event['s'])\n"
                "    return {'token': event['token'], 'runs': runs}", "language": "python",
                "event": {"s": round(draw.uniform(0.2, 9), 2), "token": token}}

    def check(self, result, job):
        return same("token", (result["return_value"] or {}).get("token"), job.token)


class Artifact(Kind):
    name, weight = "artifact", 2

    def body(self, draw, token):
        return {"code": f"with open('out-{token}', 'w') as file:\n    file.write({token!r} * {draw.choice((0, 1, 1000, 40000))})", "language": "python"}

    @staticmethod
    def path(job):
        return f"out-{job.token}"   # which execution names it is looked at in the books


class Uploaded(Kind):
    """Reads a file that was uploaded before; the client puts its sum into `job.wanted`."""
    name, weight = "uploaded", 3

    def body(self, draw, token):
        return {"code": "import hashlib\ndef handler(path):\n    with open(path, 'rb') as file:\n"
                "        return hashlib.sha256(file.read()).hexdigest()", "language": "python", "event": f"in/{token}"}

    def check(self, result, job):
        return same("sum of the file", result["return_value"], hashlib.sha256(job.upload).hexdigest())


KINDS = [
    Hello(), Output(), Failing(), Overtime(), Sleeping(), Artifact(), Uploaded(),
    Value("python", "python", MARK_PYTHON + "def handler(event):\n    return {**event, 'runs': runs}", 6),
    Value("javascript", "javascript", MARK_JAVASCRIPT + "module.exports.handler = async (event) => ({ ...event, runs });", 2),
    Value("shell", "shell", "mkdir -p runs; printf x >>runs/{token}; printf '%s, \"runs\": %d}' \"${EVENT%\\}}\" $(wc -c <runs/{token}) >&3", 3),
]


def deck(template, runtime):
    """What may be drawn: images have the languages that their names say and a shell, a machine has all."""
    own = {"python-basic": "python", "nodejs-basic": "javascript"}[template]
    return [kind for kind in KINDS if runtime == "process" or kind.language in (own, "shell") for _ in range(kind.weight)]
