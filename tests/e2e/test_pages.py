# SPDX-License-Identifier: Apache-2.0
"""/docs and /redoc as a person sees them, in a real browser: everything is shown, trying out works, nothing comes from elsewhere."""
import os
import urllib.parse

import browser
from base import Case
from document import Document


class Pages(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = Document()
        cls.origin = f"http://127.0.0.1:{cls.stack.port}"

    def get(self, path):
        return self.client.request("GET", path, raw_path=True, headers={"Authorization": None})

    def need_pages(self):
        if b"the page is not installed" in self.get("/docs").body:
            self.skipTest("Swagger UI and ReDoc could not be installed here: there is no npm, or it has no registry")

    def need_browser(self):
        self.need_pages()
        if browser.missing():
            self.skipTest(browser.missing())

    # --- as files

    def test_pages__are_there_without_a_token(self):
        for path in ("/docs", "/redoc", "/api/v1/docs", "/api/v1/redoc", "/docs?x=1"):
            with self.subTest(path):
                answer = self.get(path)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
                self.assertIn(b"openapi.json", answer.body)

    def test_pages__headers_are_strict(self):
        for path in ("/docs", "/redoc", "/openapi.json", "/docs/pages.css"):
            with self.subTest(path):
                headers = self.get(path).headers
                policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
                self.assertEqual(policy["default-src"], "'none'")
                self.assertEqual(policy["frame-ancestors"], "'none'")
                self.assertEqual((policy["script-src"], policy["connect-src"]), ("'self'", "'self'"))
                self.assertFalse([rule for rule in policy.values() if "http" in rule or "*" in rule], policy)
                if path != "/redoc":
                    self.assertNotIn("unsafe", headers["Content-Security-Policy"])
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["X-Frame-Options"], "DENY")

    def test_pages__nothing_else_is_served(self):
        for path in ("/docs/", "/docs/nothing.js", "/docs/%2e%2e/docs.htm", "/docs.htm", "/docs/..%2f..%2fbin/sandbox-api",
                     "/docs//etc/passwd", "/redoc/x", "/openapi.json/x"):
            with self.subTest(path):
                answer = self.get(path)
                self.assertIn(answer.status, (400, 403, 404), repr(answer))
                self.assertIn("error_code", answer.json)

    # --- in a browser

    def until(self, driver, script, what, *arguments):
        """Waits for the script's answer to be true, and returns it."""
        last = []
        self.stack.until(lambda: last.append(driver.execute_script(script, *arguments)) or last[-1], 30, what)
        return last[-1]

    def shot(self, driver, name):
        if os.environ.get("SANDBOX_SCREENSHOTS"):
            driver.save_screenshot(os.path.join(os.environ["SANDBOX_SCREENSHOTS"], name + ".png"))

    def check_requests(self, driver):
        """All of them to this server."""
        asked = browser.requests_of(driver)
        self.assertTrue(asked)
        elsewhere = [url for url, _ in asked if urllib.parse.urlsplit(url).scheme not in ("data", "blob", "chrome") and not url.startswith(self.origin + "/")]
        self.assertEqual(elsewhere, [])
        self.assertEqual(browser.complaints_of(driver), [])

    def test_pages__swagger_ui_tries_out(self):
        self.need_browser()
        wanted = len(list(self.document.operations())) + len(self.document.whole["webhooks"])
        with browser.browser() as driver:
            driver.get(self.origin + "/docs")
            self.until(driver, "return document.querySelectorAll('.opblock').length === arguments[0]", "every operation is there", wanted)
            self.assertEqual(driver.execute_script("return document.querySelectorAll('.errors-wrapper, .loading-container').length"), 0)
            self.shot(driver, "docs")
            self.authorize(driver)
            self.assertEqual(self.try_out(driver, "Templates", "listTemplates"), "200")
            self.assertEqual(self.try_out(driver, "Sessions", "createSession"), "201")
            made = driver.execute_script("return document.querySelector('#operations-Sessions-createSession .live-responses-table').innerText")
            self.shot(driver, "docs-tried")
            self._sessions.append(made[made.index("sess_"):][:21])
            self.check_requests(driver)

    def authorize(self, driver):
        driver.execute_script("document.querySelector('.btn.authorize').click()")
        field = self.until(driver, "return document.querySelector('.auth-container input')", "the field for a token is there")
        field.send_keys(self.stack.token)
        driver.execute_script("document.querySelector('.auth-container .btn.authorize').click()")
        self.until(driver, "return !!document.querySelector('.auth-container .btn-done') && "
                           "[...document.querySelectorAll('.auth-container button')].some((b) => b.innerText === 'Logout')", "the token is taken")
        driver.execute_script("document.querySelector('.auth-container .btn-done').click()")

    def try_out(self, driver, tag, operation):
        """Opens the operation, executes it with its example, and returns the status that is shown."""
        at = f"#operations-{tag}-{operation}"
        driver.execute_script("document.querySelector(arguments[0] + ' .opblock-summary-control').click()", at)
        self.until(driver, "return !!document.querySelector(arguments[0] + ' .btn.execute')", "it can be executed", at)
        # a click while the page draws itself anew, on a machine that is busy, hits a button that is no longer there: pressed until it works
        return self.until(driver, "const found = document.querySelector(arguments[0] + ' .live-responses-table .response .response-col_status');"
                                  "if (found) return found.innerText.trim().split(/\\s/)[0];"
                                  "const button = document.querySelector(arguments[0] + ' .btn.execute');"
                                  "if (button && !document.querySelector(arguments[0] + ' .loading-container') && Date.now() - (button.pressed || 0) > 5000) {"
                                  "  button.pressed = Date.now(); button.click(); }", "the answer is shown", at)

    def test_pages__redoc_shows_everything(self):
        self.need_browser()
        wanted = [operation.node["summary"] for operation in self.document.operations()]
        with browser.browser() as driver:
            driver.get(self.origin + "/redoc")
            self.until(driver, "return document.querySelectorAll('[data-section-id^=\"tag/\"] h2').length >= arguments[0]", "it is drawn", len(wanted))
            headings = driver.execute_script("return [...document.querySelectorAll('h2')].map((h) => h.innerText.trim())")
            self.assertEqual([summary for summary in wanted if summary not in headings], [])
            self.shot(driver, "redoc")
            self.check_requests(driver)
