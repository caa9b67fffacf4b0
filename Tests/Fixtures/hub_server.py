"""A hub for tests: speaks as huggingface.co does, with faults on request.

Usage: hub_server.py CONFIG.json

The configuration lists the files, and faults by name:

    {"repository": "org/repo", "commit": "abc…", "token": null,
     "files": {"model-Q4_K_M.gguf": {"size": 1000, "seed": 1}},
     "faults": {"cutAfter": 5000000, …}}

Prints its port on standard output. `GET /control` answers with what has been asked so far; `POST /control` replaces the
faults. Ends when its standard input does, and after five minutes whatever happens.
"""

import hashlib
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time
import urllib.parse

BLOCK = 1 << 16
SIGNATURE = "response-content-disposition=inline%3B+filename%3D%22a.gguf%22%3B&Policy=eyJ_-~__&X-Amz-Date=2026%2F01+01&Key-Pair-Id=K"


def block(seed):
    """64 KB that repeat through a file of this seed."""
    out, state = bytearray(), f"seed {seed}".encode()
    while len(out) < BLOCK:
        state = hashlib.sha256(state).digest()
        out += state
    return bytes(out)


class File:
    def __init__(self, size, seed, text=None):
        self.size, self.text = size, text.encode() if text is not None else None
        if self.text is not None:
            self.size = len(self.text)
        # Doubled, so that any 64 KB are one slice.
        self.block = block(seed) * 2
        digest = hashlib.sha256()
        for start in range(0, self.size, BLOCK):
            digest.update(self.read(start, min(BLOCK, self.size - start)))
        self.sha256 = digest.hexdigest()

    def read(self, start, count):
        if self.text is not None:
            return self.text[start:start + count]
        offset = start % BLOCK
        data = self.block[offset:offset + min(count, BLOCK)]
        return (b"GGUF" + data[4:])[:count] if start == 0 else data


class Hub:
    def __init__(self, config):
        self.config = config
        self.faults = config.get("faults", {})
        self.lock = threading.Lock()
        self.load(config["files"])
        self.requests, self.bytes_sent, self.storage_tokens, self.cuts = [], 0, [], 0

    def load(self, files):
        self.files = {name: File(f.get("size", 0), f.get("seed", 0), f.get("text")) for name, f in files.items()}

    def take(self, name):
        """Uses up one of a counted fault."""
        with self.lock:
            left = self.faults.get(name, 0)
            if left > 0:
                self.faults[name] = left - 1
            return left > 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None
    storage_port = None

    def log_message(self, *arguments):
        pass

    @property
    def is_storage(self):
        return self.server.server_address[1] == Handler.storage_port

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        change = json.loads(self.rfile.read(length))
        with self.hub.lock:
            self.hub.faults = change.get("faults", {})
            if "files" in change:
                self.hub.load(change["files"])
            self.hub.requests, self.hub.bytes_sent, self.hub.storage_tokens, self.hub.cuts = [], 0, [], 0
        self.answer(200)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            self.route()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def route(self):
        hub, path = self.hub, urllib.parse.unquote(self.path)
        if path == "/control":
            facts = {"requests": hub.requests, "bytesSent": hub.bytes_sent, "storageTokens": hub.storage_tokens,
                     "files": {name: {"size": f.size, "sha256": f.sha256} for name, f in hub.files.items()}}
            self.answer(200, body=json.dumps(facts).encode())
            return
        token = self.headers.get("Authorization")
        with hub.lock:
            hub.requests.append({"method": self.command, "path": path, "range": self.headers.get("Range")})
            if self.is_storage and token:
                hub.storage_tokens.append(token)
        if hub.faults.get("silent"):
            time.sleep(60)
            return
        if hub.take("serverErrors"):
            self.answer(hub.faults.get("errorStatus", 500), [("Retry-After", "0")])
            return
        if self.is_storage:
            if self.headers.get("Range") != f"bytes=0-{BLOCK - 1}" and hub.take("expireLocation"):
                self.answer(403, body=b"<Error><Code>AccessDenied</Code></Error>")
                return
            # Signed addresses are only good to the last letter.
            name, query = self.path.split("/storage/", 1)[1].split("?", 1)
            if query != SIGNATURE:
                self.answer(403, body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
                return
            self.content(hub.files[urllib.parse.unquote(name)])
            return
        if hub.config.get("token") and token != "Bearer " + hub.config["token"]:
            self.answer(401, [("X-Error-Code", "GatedRepo"), ("X-Error-Message", "Access to model is restricted.")])
            return
        if hub.faults.get("forbid"):
            self.answer(403, [("X-Error-Code", "GatedRepo"), ("X-Error-Message", "You are not in the authorized list.")])
            return
        repository = hub.config["repository"]
        if path == f"/api/models/{repository}?blobs=true":
            siblings = [] if hub.faults.get("noSiblings") else [
                {"rfilename": name, "size": f.size, "lfs": {"sha256": f.sha256, "size": f.size}}
                for name, f in hub.files.items()]
            self.answer(200, body=json.dumps({"id": repository, "sha": hub.config["commit"], "siblings": siblings}).encode())
            return
        if path == f"/api/models/{repository}/tree/{hub.config['commit']}?recursive=true":
            entries = [{"type": "file", "path": name, "size": f.size, "lfs": {"oid": f.sha256, "size": f.size}}
                       for name, f in hub.files.items()]
            self.answer(200, body=json.dumps(entries).encode())
            return
        match = re.fullmatch(f"/{re.escape(repository)}/resolve/([^/]+)/(.+)", path)
        if not match:
            self.answer(404, [("X-Error-Code", "RepoNotFound"), ("X-Error-Message", "Repository not found")])
            return
        file = hub.files.get(match.group(2))
        if not file:
            self.answer(404, [("X-Error-Code", "EntryNotFound"), ("X-Error-Message", "Entry not found")])
            return
        announced = "f" * 64 if hub.faults.get("wrongHash") else file.sha256
        if hub.faults.get("noHash"):
            announced = "1234-5"
        headers = [("X-Repo-Commit", hub.config["commit"]), ("X-Linked-Size", str(file.size)),
                   ("X-Linked-Etag", f'"{announced}"')]
        if hub.config.get("direct"):
            if self.command == "HEAD":
                self.send_response(200)
                for name, value in headers + [("Content-Length", str(file.size))]:
                    self.send_header(name, value)
                self.end_headers()
            else:
                self.content(file)
            return
        # A different port is a different host for all that tokens are concerned with.
        location = f"http://127.0.0.1:{Handler.storage_port}/storage/{match.group(2)}?{SIGNATURE}"
        self.answer(302, headers + [("Location", location)], b"Found. Redirecting")

    def content(self, file):
        hub, faults = self.hub, self.hub.faults
        start, end = 0, file.size
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        etag = f'"{file.sha256[:16]}"'
        is_same = self.headers.get("If-Range", etag) == etag
        if requested and is_same and not faults.get("noRanges"):
            start = int(requested.group(1))
            end = min(file.size, int(requested.group(2) or file.size - 1) + 1)
            if start >= file.size:
                self.answer(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{file.size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", etag)
        self.end_headers()
        if self.command == "HEAD":
            return
        if start == 0 and end <= BLOCK < file.size:
            # A look at a file's beginning is no transfer: neither counted nor spoiled.
            self.wfile.write(file.read(0, end))
            return
        position = start
        while position < end:
            count = min(BLOCK, end - position)
            if faults.get("bytesPerSecond"):
                time.sleep(count / faults["bytesPerSecond"])
            cut_at = faults.get("cutAt")
            if cut_at is not None and position <= cut_at < position + count and hub.take("cuts"):
                self.wfile.write(file.read(position, cut_at - position))
                self.wfile.flush()
                with hub.lock:
                    hub.bytes_sent += cut_at - position
                self.close_connection = True
                self.connection.close()
                return
            stall_at = faults.get("stallAt")
            if stall_at is not None and position <= stall_at < position + count and hub.take("stalls"):
                time.sleep(30)
                return
            change_at = faults.get("changeAt")
            if change_at is not None and position <= change_at < position + count and hub.take("changes"):
                with hub.lock:
                    hub.load({name: {"size": f.size, "seed": 77} for name, f in hub.files.items()})
            data = file.read(position, count)
            if faults.get("corruptAt") is not None and position <= faults["corruptAt"] < position + count:
                data = bytes(len(data))
            self.wfile.write(data)
            position += count
            with hub.lock:
                hub.bytes_sent += count


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    with open(sys.argv[1]) as file:
        Handler.hub = Hub(json.load(file))
    hub, storage = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
    Handler.storage_port = storage.server_address[1]
    for server in (hub, storage):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Timer(300, lambda: os._exit(1)).start()
    print(hub.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)


main()
