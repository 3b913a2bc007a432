#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests against a stack that quickstart.sh started (SANDBOX_HOME, SANDBOX_PORT, SANDBOX_RUNTIME):
run.py [--web | --sandboxes | --files | --sanitized | MODULE[.CLASS[.TEST]] ...]. Ends with one line: N passed, N failed, N skipped."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

MODULES = (
    "test_routes", "test_bad_input", "test_contract", "test_contract_document", "test_languages", "test_reference", "test_attacks",
    "test_many", "test_cancel", "test_internal", "test_containers", "test_templates", "test_guards", "test_metrics",
    "test_generated", "test_pages", "test_downloads", "test_uploads", "test_hammer", "test_web_servers", "test_replace", "test_faults",
    "test_files", "test_file_attacks", "test_file_faults", "test_nodes", "test_engine_restart", "test_remote", "test_webhooks")
# Behind a second web server: what looks at sandboxes and jobs, or takes long with ordinary requests, would look at the same again.
ONCE = ("test_languages", "test_attacks", "test_many", "test_contract_document", "test_internal", "test_generated", "test_hammer", "test_replace",
        "test_faults", "test_files", "test_file_attacks", "test_file_faults", "test_nodes", "test_engine_restart", "test_remote", "test_webhooks")
WEB = tuple(module for module in MODULES if module not in ONCE) + (
    "test_faults.Faults.test_worker_killed_while_clients_wait", "test_faults.Faults.test_web_server_killed",
    "test_faults.Faults.test_database_killed_in_mid_work")
# With a second runtime: what looks at the web tier alone would look at the same again.
WEB_TIER = ("test_bad_input", "test_contract", "test_contract_document", "test_internal", "test_guards", "test_generated",
            "test_pages", "test_downloads", "test_uploads", "test_hammer", "test_web_servers", "test_file_faults")
# Once more with programs that find their own faults: what looks at files that the web server serves, at documents, at sandboxes, or mostly
# waits for what was killed, would find none. (The executor's own attacks run with sanitizers as its integration tests.)
UNSANITIZED = ("test_many", "test_contract_document", "test_pages", "test_replace", "test_files", "test_file_attacks", "test_file_faults",
               "test_nodes", "test_engine_restart", "test_remote", "test_attacks", "test_generated", "test_containers", "test_internal")
# With another storage driver.
FILES = ("test_reference.Reference.test_upload_and_download", "test_files", "test_file_faults.Storage",
         "test_file_faults.FileFaults.test_cut_upload", "test_file_faults.FileFaults.test_killed_while_it_fetches_many") + tuple(
    "test_file_attacks.FileAttacks." + name for name in ("test_links", "test_what_is_no_file", "test_link_swapped_in_while_we_read", "test_deep_and_long"))
SETS = {
    "--web": WEB,
    "--sandboxes": tuple(module for module in MODULES if module not in WEB_TIER),
    "--files": FILES,
    "--sanitized": tuple(module for module in MODULES if module not in UNSANITIZED) + ("test_files.Files",),
}


class Result(unittest.TestResult):
    """One line a test, with its time; the trace at once when it fails."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def _say(self, test, verdict, trace=""):
        name = test.id() if test else "?"
        print(f"    {verdict:5} {name:64} {time.monotonic() - self.began:7.2f} s", flush=True)
        if trace:
            print(trace, flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self._say(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(test, "FAIL", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say(test, "ERROR", self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            bad = self.failures if issubclass(err[0], test.failureException) else self.errors
            self._say(subtest, "FAIL", bad[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(test, "skip", f"          {reason}")


def main():
    names = sys.argv[1:] or MODULES
    names = SETS.get(names[0], names)
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = Result()
    suite.run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped", flush=True)
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
