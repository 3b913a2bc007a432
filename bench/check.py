# SPDX-License-Identifier: Apache-2.0
"""Tests of the bench itself, without a stack; run by tests/check-bench.sh. The last line counts as libcheck's does."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests" / "e2e")]
import bench  # noqa: E402
import measure  # noqa: E402
import svg  # noqa: E402
from measure import at_least, at_most  # noqa: E402

ABOUT = {"cpus": 2, "cpu": "a <CPU> & more", "memory_mb": 1, "kernel": "6", "commit": "abc", "changed": False, "load_average": 0.1, "time": "now"}


def report_of(*rows):
    """rows: (name, samples or a number, more arguments)."""
    report = measure.Report(say=lambda text: None)
    report.section("part", "A <part> | of it", "process")
    for name, what, more in rows:
        if isinstance(what, list):
            report.add(name, what, **more)
        else:
            report.value(name, what, "MB", **more)
    return report


def judged(*rows):
    return [found["met"] for _, found in report_of(*rows).current.judged()]


class Statistics(unittest.TestCase):
    def test_percentiles_are_nearest_rank(self):
        hundred = list(range(1, 101))
        self.assertEqual([measure.percentile(hundred, share) for share in (50, 95, 99, 100)], [50, 95, 99, 100])
        self.assertEqual([measure.percentile([7], share) for share in (50, 99)], [7, 7])
        self.assertEqual(measure.percentile([1, 2], 50), 1)

    def test_samples_need_not_be_sorted(self):
        row = report_of(("a", [9, 1, 5], {})).current.find("a")
        self.assertEqual((row.numbers["p50"], row.numbers["max"], row.numbers["mean"]), (5, 9, 5))

    def test_nothing_measured_is_wrong(self):
        self.assertEqual(report_of(("a", [], {})).wrong_count, 1)


class Goals(unittest.TestCase):
    def test_absolute(self):
        self.assertEqual(judged(("a", [4, 5, 6], {"goal": [at_most(5), at_most(4.9), at_most(6, at="p99"), at_least(5)]})), [True, False, True, True])

    def test_of_another_row_that_comes_later(self):
        self.assertEqual(judged(("a", [5], {"goal": at_most(0.5, of="b")}), ("b", [10], {})), [True])
        self.assertEqual(judged(("a", [5.1], {"goal": at_most(0.5, of="b")}), ("b", [10], {})), [False])
        self.assertEqual(judged(("a", [22], {"goal": at_most(2, of="b", plus=2)}), ("b", [10], {})), [True])

    def test_of_its_own_percentile(self):
        self.assertEqual(judged(("a", [1] * 99 + [4], {"goal": [at_most(3, of="p50", at="p99"), at_most(3, of="p50", at="max")]})), [True, False])

    def test_without_comparison_is_neither(self):
        self.assertEqual(judged(("a", [5], {"goal": at_most(1, of="nothing")})), [None])

    def test_values(self):
        self.assertEqual(judged(("a", 30, {"goal": at_most(32)}), ("b", 33, {"goal": at_most(32)})), [True, False])
        self.assertEqual(judged(("rate", 50, {"goal": at_least(0.5, of="limit")}), ("limit", 101, {})), [False])


class Outputs(unittest.TestCase):
    def setUp(self):
        self.report = report_of(("fast", [1.0, 2.0, 3.0], {"limit": "slow", "goal": [at_most(2), at_most(0.1, of="slow")]}), ("slow", [4.0, 4.0, 4.0], {}),
                                ("size", 30, {"goal": at_most(32)}))
        self.report.wrong(2, "things")

    def test_table(self):
        text = measure.table(self.report, ABOUT, ["a setting"])
        self.assertRegex(text, r"fast +3 +2.00 ms +3.00 ms +3.00 ms +0.50")
        self.assertIn("p50 ≤ 2 ms: met (1.00 of it)", text)
        self.assertIn("p50 ≤ 0.1 × slow: MISSED (5.00 of it)", text)
        self.assertIn("2 goals met, 1 missed; 2 wrong answers", text)
        self.assertIn("a setting", text)

    def test_json(self):
        got = json.loads(measure.as_json(self.report, ABOUT, []))
        row = got["sections"][0]["rows"][0]
        self.assertEqual((row["samples"], row["numbers"]["p50"], row["ratio_to_limit"], got["wrong"]), ([1.0, 2.0, 3.0], 2.0, 0.5, 2))
        self.assertEqual([goal["met"] for goal in row["goals"]], [True, False])

    def test_json_comes_back_as_it_was(self):
        again = measure.from_json([measure.as_json(self.report, ABOUT, ["x"])])
        self.assertEqual(measure.table(*again), measure.table(self.report, ABOUT, ["x"]))
        self.assertEqual(json.loads(measure.as_json(*again)), json.loads(measure.as_json(self.report, ABOUT, ["x"])))
        self.assertEqual(svg.picture(again[0].current, ABOUT), svg.picture(self.report.current, ABOUT))

    def test_later_runs_replace_parts(self):
        other = report_of(("fast", [7.0], {}))
        other.section("more", "More", "docker")
        report, about, _ = measure.from_json([measure.as_json(self.report, ABOUT, []), measure.as_json(other, {**ABOUT, "commit": "def"}, [])])
        self.assertEqual([section.name for section in report.sections], ["part", "more"])
        self.assertEqual((report.sections[0].find("fast").numbers["p50"], about["commit"]), (7.0, "abc, def"))

    def test_markdown_goes_between_the_marks(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "page.md")
            path.write_text(f"before\n\n{measure.BEGIN}\n\nold\n\n{measure.END}\n\nafter\n")
            measure.write_markdown(path, "new\n")
            self.assertEqual(path.read_text(), f"before\n\n{measure.BEGIN}\n\nnew\n\n{measure.END}\n\nafter\n")

    def test_markdown_rows_have_all_columns(self):
        rows = [line for line in measure.markdown(self.report, ABOUT, []).splitlines() if line.startswith("|")]
        self.assertEqual({line.count("|") for line in rows}, {8})

    def test_picture_is_xml_with_each_row(self):
        tree = ElementTree.fromstring(svg.picture(self.report.current, ABOUT))
        texts = {element.text for element in tree.iter() if element.tag.endswith("text")}
        self.assertLessEqual({"fast", "slow", "A <part> | of it (process)", "50 %", "milliseconds (logarithmic)"}, texts)
        self.assertEqual(sum("stroke-dasharray" in element.attrib for element in tree.iter() if element.tag.endswith("path")), 1)

    def test_picture_of_values_alone_is_none(self):
        self.assertIsNone(svg.picture(report_of(("a", 1, {})).current, ABOUT))


class Axes(unittest.TestCase):
    def test_bounds_hold_all_samples(self):
        for samples in ([0.3], [1, 1], [0.9, 1000], [2, 5], [0.01]):
            low, high = svg.bounds(report_of(("a", samples, {})).current.rows.values())
            self.assertTrue(low <= min(samples) * 1.001 and high > max(samples), (samples, low, high))

    def test_zero_does_not_stretch_the_axis(self):
        self.assertEqual(svg.bounds(report_of(("a", [0, 0, 3], {})).current.rows.values()), (0.01, 5))

    def test_ticks_are_few(self):
        for low, high in ((1, 2), (0.1, 50), (0.001, 100000)):
            self.assertTrue(2 <= len(svg.ticks(low, high)) <= 14, (low, high, svg.ticks(low, high)))

    def test_thinning_keeps_both_ends(self):
        steps = svg.steps_of(list(range(10000)))
        self.assertLess(len(steps), 500)
        self.assertEqual((steps[0], steps[-1]), ((0, 0.01), (9999, 100.0)))


class Options(unittest.TestCase):
    def test_parts_by_name(self):
        self.assertEqual(bench.options_of(["--only", "hello,get"]).parts, ["hello", "get"])

    def test_every_part_is_there(self):
        for name, where, _, _ in bench.PARTS:
            module, function = where.split(":")
            self.assertTrue(callable(getattr(__import__(module), function, None)), name)


class Settings(unittest.TestCase):
    SAMPLE = "api: {\n    # How many. 1 to 9.\n    # threads = 32;\n};\nlimits: {\n    # sessions = 100;\n    # depth = 7;\n};\n"

    def test_what_differs_is_said(self):
        text = 'api: { threads = 32; };\n# sessions\nlimits: { sessions = 0; depth = 7; password = "5"; };\nnode: { id = "n"; room = 9; };\n'
        self.assertEqual(bench.other_settings(text, self.SAMPLE), "limits.sessions 0 (100), node.room 9 (not there)")

    def test_the_sample_does_not_differ_from_itself(self):
        sample = (TOP / "etc" / "sandbox.conf").read_text()
        self.assertEqual(bench.other_settings(sample, sample), "")
        self.assertGreater(len(bench.numbers_in(sample)), 20)


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        text = b"wrong" if body == b"third" and self.server.asked % 2 else b"it said " + body
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[:3])
        self.wfile.flush()
        self.wfile.write(text[3:])

    def log_message(self, *_):
        pass


class Load(unittest.TestCase):
    """The load generator: each client its own request, answers counted and judged, pauses kept."""

    def setUp(self):
        self.program = pathlib.Path(os.environ.get("CHECK_BUILD", ".")) / "bench" / "http_load"
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        self.server.asked, self.server.daemon_threads = 0, True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def load(self, seconds, count, *clients):
        """clients: (group, pause, status, text, body)."""
        described = b""
        for group, pause, status, text, body in clients:
            request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            described += f"{group} {pause} {status} {len(text)} {len(request)}\n{text}".encode() + request
        done = subprocess.run([str(self.program), str(self.server.server_port), str(seconds), str(count)], input=described, capture_output=True, check=True, timeout=30)
        lines = [line.split(" ", 3) for line in done.stdout.decode().splitlines()]
        self.assertEqual(lines[-1][0], "end")
        return lines[:-1]

    def test_counts_by_group(self):
        lines = self.load(20, 50, (3, 0, 200, "it said first", "first"), (4, 0, 200, "it said second", "second"))
        self.assertTrue(50 <= len(lines) <= 52)
        self.assertEqual({line[0] for line in lines}, {"3", "4"})
        self.assertEqual(self.server.asked, len(lines))

    def test_wrong_answers_are_counted(self):
        lines = self.load(20, 40, (1, 0, 200, "it said third", "third"))
        self.assertEqual([line[:3] for line in lines if line[0] == "wrong"], [["wrong", "1", "20"]])
        self.assertEqual(sum(line[0] == "1" for line in lines), 20)
        status = self.load(20, 5, (0, 0, 201, "it said", "first"))
        self.assertEqual(status[-1][:3], ["wrong", "0", "5"])

    def test_pauses(self):
        lines = self.load(0.5, 0, (0, 100, 200, "it", "first"))
        self.assertTrue(1 <= len(lines) <= 6, lines)


def main():
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{100 * (result.testsRun - bad) // result.testsRun}%: Checks: {result.testsRun}, Failures: {len(result.failures)}, Errors: {len(result.errors)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
