"""A small client of WebDriver BiDi, the protocol that Firefox speaks without a driver program."""

import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time

from profiles import remove_profile
from websockets.sync.client import connect

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "ArrowDown": "\ue015"}


class Firefox:
    """A headless Firefox with a new profile; what is done without a tab's id is done in a tab opened for that."""

    def __init__(self, program, preferences=None):
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in (preferences or {}).items()]
        self._last = 0
        with contextlib.ExitStack() as opening:
            profile = tempfile.mkdtemp(prefix="swiftlet-firefox-")
            opening.callback(remove_profile, profile)
            (pathlib.Path(profile) / "user.js").write_text("".join(lines))
            self._process = subprocess.Popen(
                [program, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            opening.callback(self._end_process)
            address = self._address(time.monotonic() + 60)
            # Firefox goes on writing; a full pipe would stop it.
            threading.Thread(target=self._process.stderr.read, daemon=True).start()
            self._socket = opening.enter_context(connect(f"{address}/session", max_size=None, open_timeout=30))
            self.send("session.new", capabilities={})
            # The tab that a headless Firefox begins with never gets the focus, and there Enter presses no button.
            self._tab = self.new_tab()
            # Kept open from here on; what failed before has closed everything again.
            self._open = opening.pop_all()

    def _end_process(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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

    def new_tab(self):
        """Opens another tab and returns its id."""
        return self.send("browsingContext.create", type="tab")["context"]

    def close_tab(self, tab):
        self.send("browsingContext.close", context=tab)

    def open(self, url, tab=None):
        self.send("browsingContext.navigate", context=tab or self._tab, url=url, wait="complete")

    def evaluate(self, body, tab=None):
        """Runs the body of an async function in the page; its value must survive JSON."""
        expression = f"(async () => JSON.stringify(await (async () => {{ {body} }})()) ?? 'null')()"
        result = self.send(
            "script.evaluate", expression=expression, target={"context": tab or self._tab}, awaitPromise=True)
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def press(self, *keys, tab=None):
        """Presses keys one after the other: characters, or names of `KEYS`."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ["keyDown", "keyUp"]]
        self.send("input.performActions", context=tab or self._tab,
                  actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def wait_for(self, condition, seconds=120, tab=None):
        """Waits until an expression of the page is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"return Boolean({condition})", tab):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{condition}: {self.evaluate('return document.body.innerText', tab)[:600]}")
            time.sleep(0.2)

    def close(self):
        self._open.close()
