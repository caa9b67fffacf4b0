"""A small client of WebDriver BiDi, the protocol that Firefox speaks without a driver program."""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time

from websockets.sync.client import connect


class Firefox:
    """A headless Firefox with an empty profile and one tab."""

    def __init__(self, program):
        self._profile = tempfile.mkdtemp(prefix="swiftlet-firefox-")
        self._process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", self._profile],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        address = self._address(time.monotonic() + 60)
        # Firefox goes on writing; a full pipe would stop it.
        threading.Thread(target=self._process.stderr.read, daemon=True).start()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(connect(f"{address}/session", max_size=None, open_timeout=30))
        self._last = 0
        self.send("session.new", capabilities={})
        self._tab = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def _address(self, deadline):
        while time.monotonic() < deadline:
            line = self._process.stderr.readline()
            if match := re.search(r"ws://[\w.:]+", line):
                return match.group(0)
        raise RuntimeError("Firefox did not open its remote port")

    def send(self, method, **params):
        """Calls a method and returns its result."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=180))
            if answer.get("id") == self._last:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]

    def open(self, url):
        self.send("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, body):
        """Runs the body of an async function in the page; its value must survive JSON."""
        expression = f"(async () => JSON.stringify(await (async () => {{ {body} }})()) ?? 'null')()"
        result = self.send(
            "script.evaluate", expression=expression, target={"context": self._tab}, awaitPromise=True)
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def wait_for(self, condition, seconds=120):
        """Waits until an expression of the page is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"return Boolean({condition})"):
            if time.monotonic() > deadline:
                raise TimeoutError(condition)
            time.sleep(0.2)

    def close(self):
        self._open.close()
        self._process.terminate()
        self._process.wait(timeout=30)
        shutil.rmtree(self._profile, ignore_errors=True)
