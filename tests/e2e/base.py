# SPDX-License-Identifier: Apache-2.0
"""What every test case has: the stack, a client, sessions that are ended afterwards."""
import unittest

from client import TIME
from stack import Stack


class Case(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.client = cls.stack.client()
        cls.deaths = cls.stack.worker_deaths()
        cls._sessions = []

    @classmethod
    def tearDownClass(cls):
        for session in cls._sessions:
            try:
                cls.client.delete(f"/sessions/{session}")
            except OSError:
                pass
        cls.client.close()

    @classmethod
    def session(cls, template="python-basic", **fields):
        """A running session of this class."""
        session = cls.client.create(template, **fields)
        cls._sessions.append(session)
        cls.client.await_session(session)
        return session

    def assert_time(self, text):
        self.assertRegex(text, TIME)

    def assert_error(self, answer, status, code, field=None):
        self.assertEqual(answer.status, status, repr(answer))
        body = answer.json
        self.assertEqual(body["error_code"], code, repr(answer))
        for name in ("description", "error_detail", "solution"):
            self.assertTrue(isinstance(body[name], str) and body[name], f"{name} in {body}")
        if field is not None:
            self.assertEqual(body.get("field"), field, repr(answer))

    def assert_success(self, result, value=None):
        self.assertEqual(result["status"], "success", result)
        self.assertEqual(result["exit_code"], 0, result)
        if value is not None:
            self.assertEqual(result["return_value"], value, result)

    def assert_works(self, session):
        """The next execution in the session is fine, whatever came before."""
        result = self.client.run(session, "def handler(event):\n    return event['x'] + event['y']",
                                 event={"x": 10, "y": 32})
        self.assert_success(result, 42)
