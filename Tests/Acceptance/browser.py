"""A headless Chromium, driven by the DevTools protocol over a pair of pipes (standard library only).

Messages are JSON, each ended by a zero byte: https://chromedevtools.github.io/devtools-protocol/
"""
import base64, fcntl, json, os, select, shutil, subprocess, tempfile, time

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """One page. `trouble` gathers everything that the page or the browser complains about."""

    def __init__(self):
        program = next((found for found in map(shutil.which, NAMES) if found), None)
        if not program:
            raise SystemExit("console: no Chromium here; apt-get install chromium")
        self.profile = tempfile.mkdtemp(prefix="groundswell-browser.")
        self.trouble, self.last, self.rest, self.is_loaded = [], 0, b"", False
        theirs, self.out = os.pipe()
        self.input, ours = os.pipe()
        # Clear of 3 and 4, which Chromium reads and writes.
        theirs, ours = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs, ours))
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{ours}', "-", program,
             "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-extensions",
             "--user-data-dir=" + self.profile, "--remote-debugging-pipe", "about:blank"],
            pass_fds=(theirs, ours), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(ours)
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self.receive(deadline - time.monotonic())
            if answer and answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError("%s: %s" % (method, answer["error"]["message"]))
                return answer["result"]
        raise RuntimeError(method + ": the browser does not answer")

    def receive(self, seconds):
        """The next message, or None; events are noted on the way."""
        while b"\0" not in self.rest:
            if not select.select([self.input], [], [], max(0, seconds))[0]:
                return None
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise RuntimeError("the browser went away")
            self.rest += piece
        line, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(line)
        self.note(message.get("method"), message.get("params"))
        return message

    def note(self, method, params):
        if method == "Page.loadEventFired":
            self.is_loaded = True
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.trouble.append("%s (%s)" % (params["entry"]["text"], params["entry"].get("url", "")))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.trouble.append("exception: " + details.get("exception", details).get("description", str(details)))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.trouble.append("console: %s" % [a.get("value") for a in params["args"]])
        elif method == "Audits.issueAdded" and "ContentSecurityPolicy" in params["issue"]["code"]:
            self.trouble.append("content security policy: %s" % params["issue"])

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError("%s: %s" % (expression, answer["exceptionDetails"]))
        return answer["result"].get("value")

    def open(self, url):
        self.is_loaded = False
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + 30
        while not self.is_loaded and time.monotonic() < deadline:
            self.receive(deadline - time.monotonic())

    def size(self, width, height, scale=1, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=is_phone)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
