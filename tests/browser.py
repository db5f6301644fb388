"""Chromium without a window, driven through the two pipes of its debugging protocol."""

import base64
import contextlib
import json
import os
import subprocess
import sys

QUIET = "headless no-sandbox disable-gpu disable-quic no-first-run hide-scrollbars"
QUIET += " disable-background-networking disable-component-update disable-sync"

WATCH = """
window.faults = [];
addEventListener("securitypolicyviolation", e => faults.push(`policy: ${e.violatedDirective}`));
addEventListener("error", e => faults.push(`error: ${e.message}`));
"""

NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

# The browser reads descriptor 3 and writes 4.
AS_PIPES = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 20) for end in sys.argv[1:3]]
for wanted, end in zip((3, 4), ends):
    os.dup2(end, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """A page in a browser: opened, asked, clicked, typed into."""

    def __init__(self, send, receive):
        self.send, self.receive, self.count, self.session = send, receive, 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def call(self, method, **params):
        """One call of the protocol, and its result."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.send.write(json.dumps(message).encode() + b"\0")
        self.send.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self):
        text = b""
        while not text.endswith(b"\0"):
            byte = self.receive.read(1)
            assert byte, "the browser has ended"
            text += byte
        return json.loads(text[:-1])

    def open(self, path, width=1000, height=900, dark=False):
        """Open a file in a window of this size; `faults` begin anew."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._read())

    def ask(self, expression):
        """The value of an expression of JavaScript, which may be a promise."""
        asked = {"returnByValue": True, "awaitPromise": True}
        done = self.call("Runtime.evaluate", expression=expression, **asked)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def faults(self):
        """Violations of the policy, errors, and what was asked of a network since `open`."""
        logged = [
            e["params"]["entry"]["text"]
            for e in self.events
            if e.get("method") == "Log.entryAdded" and e["params"]["entry"]["level"] == "error"
        ]
        urls = [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]
        fetched = [url for url in urls[1:] if not url.startswith(("data:", "blob:"))]
        return [*self.ask("faults"), *logged, *fetched]

    def press(self, *keys, shift=False):
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            for kind in ("keyDown", "keyUp"):
                event = {"type": kind, "key": key, "modifiers": 8 * shift, **text}
                if key == "Tab":
                    event |= {"windowsVirtualKeyCode": 9}
                if key == "Enter":
                    event |= {"windowsVirtualKeyCode": 13, "text": "\r"}
                self.call("Input.dispatchKeyEvent", **event)

    def mouse(self, kind, x, y, down=False, count=1):
        """`kind` is Moved, Pressed or Released."""
        button = "none" if kind == "Moved" and not down else "left"
        event = {"button": button, "buttons": int(down), "clickCount": count}
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **event)
        self.ask(NEXT_FRAME)

    def touch(self, kind, *points):
        """`kind` is Start, Move or End; each point is (x, y)."""
        points = [{"x": x, "y": y} for x, y in points]
        self.call("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=points)
        self.ask(NEXT_FRAME)

    def picture(self, path):
        """The visible part of the page as PNG."""
        shot = self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def tab(program, folder):
    """A tab of a browser of its own, whose profile is in this folder."""
    to_browser, send = os.pipe()
    receive, from_browser = os.pipe()

    flags = [f"--{flag}" for flag in QUIET.split()]
    flags += [f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    ends = str(to_browser), str(from_browser)
    process = subprocess.Popen(
        [sys.executable, "-c", AS_PIPES, *ends, program, *flags],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    with open(send, "wb") as out, open(receive, "rb", buffering=65536) as back:
        try:
            yield Tab(out, back)
        finally:
            process.kill()
            process.wait()
