# SPDX-License-Identifier: Apache-2.0
"""Python packages that only tests need, from PyPI, in a virtual environment of the stack's home."""
import os
import pathlib
import subprocess

PACKAGES = ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")


class Missing(Exception):
    """They cannot be had here; the text says why."""


def tools_python(home):
    """The Python that has them. Raises Missing."""
    # one for all stacks of a test run
    place = pathlib.Path(os.environ.get("SANDBOX_TEST_TOOLS", home / "tools"))
    python = place / "bin" / "python"
    done = place / "packages"
    if done.exists() and done.read_text() == repr(PACKAGES):
        return str(python)
    for command in (["/usr/bin/python3", "-m", "venv", str(place)],
                    [str(python), "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", *PACKAGES]):
        run(command)
    done.write_text(repr(PACKAGES))
    return str(python)


def run(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise Missing(f"{' '.join(command)}: {err}") from err
    if done.returncode != 0:
        raise Missing(f"{' '.join(command)}: {done.stdout.strip().splitlines()[-1:]}")
