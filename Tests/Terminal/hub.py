"""A hub of one repository, on loopback: speaks as the real one does, at the speed and with the faults that a test wants."""

import hashlib
import http.server
import json
import threading
import time


class Hub:
    """Serves `content` as FILE of REPOSITORY. `rate` in bytes a second; `wrong_hash` announces another sha256."""

    REPOSITORY = "someone/some-model"
    FILE = "some-model.Q4_K_M.gguf"
    COMMIT = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, content, rate=None, wrong_hash=False):
        self.content = content
        self.rate = rate
        self.sha256 = hashlib.sha256(b"other" if wrong_hash else content).hexdigest()
        self.sent = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(hub):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.answer(with_body=False)

            def do_GET(self):
                self.answer(with_body=True)

            def answer(self, with_body):
                path = self.path.split("?")[0]
                if path == f"/api/models/{hub.REPOSITORY}":
                    listing = {"sha": hub.COMMIT, "siblings": [
                        {"rfilename": hub.FILE, "size": len(hub.content), "lfs": {"sha256": hub.sha256}}]}
                    return self.send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"}, with_body)
                if path.startswith(f"/{hub.REPOSITORY}/resolve/") and path.endswith(hub.FILE):
                    return self.send_file(with_body)
                self.send(404, b"{}", {}, with_body)

            def send_file(self, with_body):
                size = len(hub.content)
                headers = {"X-Repo-Commit": hub.COMMIT, "X-Linked-Etag": f'"{hub.sha256}"', "X-Linked-Size": str(size),
                           "ETag": f'"{hub.sha256}"', "Accept-Ranges": "bytes"}
                body, status = hub.content, 200
                if (asked := self.headers.get("Range", "")).startswith("bytes="):
                    first, _, last = asked[6:].partition("-")
                    first, last = int(first), int(last or size - 1)
                    last = min(last, size - 1)
                    body, status = hub.content[first:last + 1], 206
                    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
                self.send(status, body, headers, with_body)

            def send(self, status, body, headers, with_body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                step = max(hub.rate // 20, 1) if hub.rate else len(body)
                for start in range(0, len(body) if with_body else 0, max(step, 1)):
                    try:
                        self.wfile.write(body[start:start + step])
                    except OSError:
                        return
                    hub.sent += len(body[start:start + step])
                    if hub.rate:
                        time.sleep(0.05)

        return Handler
