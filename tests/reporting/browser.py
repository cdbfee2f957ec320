"""A headless Chromium driven over its DevTools pipe: no port, no driver, no package.

Messages are JSON, ended by a zero byte; the browser reads file descriptor 3 and writes file descriptor 4.
"""

import base64
import io
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
# Width and height of windows.
DESKTOP, PHONE = (1280, 900), (375, 800)
TIMEOUT_SEC = 30
# Puts the pipes where the browser looks for them and becomes the browser; both are copied out of the way first, as
# either may lie on the other's place.
LAUNCHER = """
import fcntl, os, sys
read_end, write_end = (fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3])
os.dup2(read_end, 3)
os.dup2(write_end, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_browser():
    """Path of an installed browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


needed = pytest.mark.skipif(
    find_browser() is None,
    reason=f"needs a browser: none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)",
)


class Page:
    """One page in a browser of its own; use as a context manager.

    Attributes:
      problems: texts of uncaught errors, failed console.asserts and logged errors, in order.
      requests: addresses of everything that the page asked for.
      dialogs: kinds of the windows that it put before the user, such as "beforeunload"; all are agreed to.
    """

    def __init__(self, width, height, *, dark=False):
        self.problems, self.requests, self.dialogs = [], [], []
        self._profile = tempfile.mkdtemp(prefix="browser_")
        self._to_browser = self._from_browser = None
        self._numbers, self._buffer, self._session = itertools.count(1), b"", None
        self._start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def _start(self):
        read_end, self._to_browser = os.pipe()
        self._from_browser, write_end = os.pipe()
        launcher = [sys.executable, "-c", LAUNCHER, str(read_end), str(write_end)]
        self._process = subprocess.Popen(
            [*launcher, find_browser(), *FLAGS, f"--user-data-dir={self._profile}"],
            pass_fds=(read_end, write_end),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_end)
        os.close(write_end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(TIMEOUT_SEC)
        os.close(self._to_browser)
        os.close(self._from_browser)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, **params):
        """Sends a DevTools command and returns its result."""
        number = self._send(method, **params)
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _send(self, method, **params):
        """Sends a command and returns its number."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        return number

    def _read(self):
        deadline = time.monotonic() + TIMEOUT_SEC
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from_browser], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._from_browser, 1 << 20)
            assert piece, "the browser is gone"
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert", "warning"):
            self.problems.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["type"])
            self._send("Page.handleJavaScriptDialog", accept=True)

    def open(self, address):
        """Loads an address and waits until it is drawn."""
        self.call("Page.navigate", url="about:blank")
        self.visit(address)

    def visit(self, address):
        """The same, without an empty page before: of one that plays a video, Chromium does not come back from that."""
        self.requests.clear()
        self.call("Page.navigate", url=address)
        loaded = "document.readyState === 'complete' ? done() : addEventListener('load', done)"
        self.evaluate(f"new Promise((done) => {loaded})")
        self.settle()

    def settle(self):
        """Waits until what was asked for is on the screen."""
        drawn = "requestAnimationFrame(() => requestAnimationFrame(done))"
        self.evaluate(f"new Promise((done) => setTimeout(() => {drawn}, 40))")

    def show(self, selector):
        """Scrolls the first element that fits into view and waits until it is drawn."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        self.settle()

    def evaluate(self, expression):
        """Value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def mouse(self, kind, x, y, **more):
        """Sends a mouse event: "mouseMoved", "mousePressed", "mouseReleased"."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector):
        """Clicks on the middle of the first element that fits."""
        x, y = self.centre(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)
        self.settle()

    def centre(self, selector):
        """Scrolls the first element that fits into view; returns the place of its middle in the window."""
        return self.evaluate(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )

    def key(self, name, *, ctrl=False, shift=False):
        """Presses a key, by its DOM name."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "Delete": 46}
        codes |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        code, typed = codes.get(name) or ord(name.upper()), "\r" if name == "Enter" else name
        for kind in ("keyDown", "keyUp"):
            more = {"text": typed} if len(typed) == 1 and kind == "keyDown" and not ctrl else {}
            held = {"modifiers": 2 * ctrl + 8 * shift}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, **held, **more)
        self.settle()

    def drag(self, start, end, *, steps=4):
        """Presses the mouse at one place of the window, (x, y), moves it to another and lets it go."""
        self.mouse("mousePressed", *start, button="left", buttons=1, clickCount=1)
        for step in range(1, steps + 1):
            x, y = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)
        self.settle()

    def save_to(self, folder):
        """Lets the page save files into a folder."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def until(self, condition):
        """Waits until a JavaScript expression is true."""
        deadline = time.monotonic() + TIMEOUT_SEC
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.02)

    def pixels(self, selector):
        """uint8 [height, width, 3], what is shown in the place of the first element that fits."""
        box = self.evaluate(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [box.left + scrollX, box.top + scrollY, box.width, box.height]; })()"
        )
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}
        answer = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        with Image.open(io.BytesIO(base64.b64decode(answer["data"]))) as picture:
            return np.asarray(picture.convert("RGB"))
