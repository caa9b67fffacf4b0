"""A web server for the browser tests: the built page, a model with byte ranges, counters, and faults on demand."""

import http.server
import mimetypes
import os
import pathlib
import re
import threading
import time

CHUNK = 64 * 1024
# Straight from the file, when nothing is to be changed or slowed: the server must not be what a measurement measures.
LARGE_CHUNK = 1024 * 1024
RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("application/manifest+json", ".webmanifest")


class SiteServer:
    """Serves `site` at the root and the files of `models` (name → path) under `models/`, or where a name has folders.

    Everything that tests change or read is an attribute:

    - `isolated`: whether the isolation headers are sent; `cors`: whether other origins may read the answers, but for
      files whose names end in `withheld`.
    - `rate`: bytes per second of a model transfer, or None for as fast as possible.
    - `cut_after`: the next model transfers break after this many bytes, each once per entry.
    - `corrupt`: offsets in a model's file of bytes that are sent wrong, each once.
    - `versions`: the header that tells a model's version, by name: `("ETag", '"1"')`. `If-Range` asks for it.
    - `refusals`: what the next requests for models or below `api/` are answered with instead, each once: (status, headers).
    - `unheeded`: headers of requests for models that are taken as absent.
    - `slow`: seconds that files of the site wait for their answers, by path; `missing`: paths of files that are not there.
    - `online`: false answers every request by closing the connection.
    - `requests`: (method, path, first byte) of every request for a model, `conditions`: their `If-Range`; `sent`: bytes
      of models sent so far.
    """

    def __init__(self, site, models):
        self.site = pathlib.Path(site).resolve()
        self.models = models
        self.isolated = True
        self.cors = False
        self.withheld = None
        self.rate = None
        self.cut_after = []
        self.corrupt = []
        self.versions = {}
        self.unheeded = set()
        self.refusals = []
        self.slow = {}
        self.missing = set()
        self.online = True
        self.requests = []
        self.conditions = []
        self.sent = 0
        self.active = 0
        self.replaced = {}
        owner = self

        class Handler(RequestHandler):
            server_state = owner

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def forget(self):
        """Clears the counters, once the transfers that nobody reads any more have noticed that."""
        deadline = time.monotonic() + 10
        while self.active and time.monotonic() < deadline:
            time.sleep(0.02)
        self.requests = []
        self.conditions = []
        self.sent = 0


class Server(http.server.ThreadingHTTPServer):
    # A browser opens many connections at once; those that find no place here fail when the machine is busy.
    request_queue_size = 128


class RequestHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state = None

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        state = self.server_state
        if not state.online:
            self.close_connection = True
            return
        path = self.path.split("?")[0].lstrip("/") or "index.html"
        if path.startswith("api/") and state.refusals:
            self.refuse()
        elif path in state.replaced:
            self.answer_bytes(state.replaced[path], mimetypes.guess_type(path)[0])
        elif path in state.models:
            self.answer_model(path)
        elif path.startswith("models/"):
            self.answer_model(path.removeprefix("models/"))
        else:
            self.answer_file(path)

    def headers_for(self, status, content_type, length, more=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type or "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        withheld = self.server_state.withheld
        if self.server_state.cors and not (withheld and self.path.endswith(withheld)):
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Expose-Headers", "Content-Range")
        if self.server_state.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()

    def answer_bytes(self, body, content_type, status=200):
        self.headers_for(status, content_type, len(body))
        self.wfile.write(body)

    def refuse(self):
        status, more = self.server_state.refusals.pop(0)
        self.headers_for(status, "text/html", 0, more)

    def answer_file(self, path):
        file = (self.server_state.site / path).resolve()
        time.sleep(self.server_state.slow.get(path, 0))
        if path in self.server_state.missing or not file.is_relative_to(self.server_state.site) or not file.is_file():
            self.answer_bytes(b"not found", "text/plain", 404)
            return
        try:
            self.answer_bytes(file.read_bytes(), mimetypes.guess_type(file.name)[0])
        except ConnectionError:  # Nobody waits for it any more.
            self.close_connection = True

    def answer_model(self, name):
        state = self.server_state
        file = state.models.get(name)
        match = RANGE.match(self.headers.get("Range", ""))
        state.requests.append(("GET", name, int(match.group(1)) if match else 0))
        condition = self.headers.get("If-Range")
        state.conditions.append(condition)
        if state.refusals:
            self.refuse()
            return
        version = state.versions.get(name)
        is_other = condition and "If-Range" not in state.unheeded and condition != (version and version[1])
        if is_other or "Range" in state.unheeded:
            match = None
        start = int(match.group(1)) if match else 0
        if file is None:
            self.answer_bytes(b"no such model", "text/plain", 404)
            return
        total = pathlib.Path(file).stat().st_size
        end = min(total, int(match.group(2)) + 1) if match and match.group(2) else total
        more = [("Accept-Ranges", "bytes"), *([version] if version else [])]
        if start >= total:
            self.headers_for(416, "text/plain", 0, [("Content-Range", f"bytes */{total}")])
            return
        if match:
            more.append(("Content-Range", f"bytes {start}-{end - 1}/{total}"))
            self.headers_for(206, "application/octet-stream", end - start, more)
        else:
            self.headers_for(200, "application/octet-stream", total, more)
        limit = state.cut_after.pop(0) if state.cut_after else None
        state.active += 1
        try:
            self.send_model(file, start, end, limit)
        finally:
            state.active -= 1

    def send_model(self, file, start, end, limit):
        state = self.server_state
        begun = time.monotonic()
        sent = 0
        with open(file, "rb") as handle:
            while sent < end - start:
                if not state.online or (limit is not None and sent >= limit):
                    self.close_connection = True
                    self.connection.close()
                    return
                size = min(CHUNK, end - start - sent, CHUNK if limit is None else limit - sent)
                if limit is None and not state.rate and not state.corrupt:
                    length = min(LARGE_CHUNK, end - start - sent)
                    try:
                        count = os.sendfile(self.connection.fileno(), handle.fileno(), start + sent, length)
                    except OSError:
                        return
                    sent += count
                    state.sent += count
                    continue
                handle.seek(start + sent)
                block = bytearray(handle.read(size))
                for offset in [wrong for wrong in state.corrupt if 0 <= wrong - start - sent < len(block)]:
                    block[offset - start - sent] ^= 0xFF
                    state.corrupt.remove(offset)
                try:
                    self.wfile.write(block)
                except OSError:
                    return
                sent += len(block)
                state.sent += len(block)
                if state.rate:
                    time.sleep(max(0, sent / state.rate - (time.monotonic() - begun)))


if __name__ == "__main__":
    import sys
    server = SiteServer(sys.argv[1], {pathlib.Path(p).name: p for p in sys.argv[2:]})
    print(server.url, flush=True)
    threading.Event().wait()
