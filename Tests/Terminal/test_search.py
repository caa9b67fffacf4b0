"""`swiftlet search` against a hub on loopback."""

import http.server
import json
import os
import subprocess
import threading
import urllib.parse

import pytest
from tiny_gguf import Q, write

GB = 1_000_000_000


class Hub:
    """Serves repositories: name → (facts, files), a file being its size, or a path whose bytes are given out."""

    def __init__(self, repositories):
        self.asked = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                path = urllib.parse.unquote(url.path).strip("/")
                hub.asked.append((path, dict(urllib.parse.parse_qsl(url.query)), self.headers.get("Range")))
                name = "/".join(path.split("/")[:2])
                if path == "api/models":
                    return self.answer([{"id": name, **facts} for name, (facts, _) in repositories.items()])
                if path.startswith("api/models/"):
                    _, files = repositories[path.removeprefix("api/models/")]
                    size = lambda file: file if isinstance(file, int) else file.stat().st_size
                    return self.answer({"sha": "abc", "siblings": [
                        {"rfilename": path, "size": size(file)} for path, file in files.items()]})
                file = repositories[name][1][path.split("/resolve/abc/")[1]]
                if isinstance(file, int):
                    return self.send_error(404)
                content = file.read_bytes()[:1 << 16]
                self.send_response(206)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def answer(self, value):
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path):
    model = write(tmp_path / "model.gguf", "llama", Q.Q8_0)
    adapter = tmp_path / "adapter.gguf"
    text = lambda value: len(value).to_bytes(8, "little") + value
    entries = [(b"general.architecture", b"llama"), (b"general.type", b"adapter")]
    adapter.write_bytes(b"GGUF\x03\0\0\0" + bytes(8) + len(entries).to_bytes(8, "little") + b"".join(
        text(key) + (8).to_bytes(4, "little") + text(value) for key, value in entries))
    hub = Hub({
        "a/Tiny-GGUF": ({"downloads": 1_234_567, "gated": False, "tags": ["gguf", "license:mit"],
                         "gguf": {"architecture": "llama", "context_length": 4096, "total": 134_515_008}},
                        {"Tiny-Q4_K_M.gguf": model, "Tiny-Q8_0.gguf": 2 * GB, "mmproj-Tiny-F16.gguf": 5, "README.md": 5,
                         "Tiny-F16-00001-of-00002.gguf": 5000 * GB, "Tiny-F16-00002-of-00002.gguf": 4000 * GB}),
        "a/Other-GGUF": ({"gated": "manual", "gguf": {"architecture": "new\u001b[31march"}}, {"Other-Q4_0.gguf": GB}),
        "a/Lora-GGUF": ({}, {"lora-f16.gguf": adapter}),
        "../../etc": ({}, {}),
    })
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def search(swiftlet, address, *arguments, **environment):
    return subprocess.run([swiftlet, "search", *arguments], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "HF_HUB_OFFLINE": "", "HF_ENDPOINT": address, **environment})


def test_each_file_has_its_size_and_whether_it_runs_and_fits(swiftlet, hub, tmp_path):
    done = search(swiftlet, hub.address, "tiny", "gguf", "--json")
    assert done.returncode == 0, done.stderr
    tiny, other, lora = json.loads(done.stdout)
    assert hub.asked[0][1]["search"] == "tiny gguf" and hub.asked[0][1]["filter"] == "gguf"
    assert (tiny["name"], tiny["downloads"], tiny["license"], tiny["gated"]) == ("a/Tiny-GGUF", 1234567, "mit", False)
    # The header's word counts more than the hub's.
    assert (tiny["architecture"], tiny["context_length"], tiny.get("problem")) == ("llama", 1024, None)
    small, middle, large = tiny["files"]
    model = tmp_path / "model.gguf"
    assert (small["name"], small["bytes"]) == ("a/Tiny-GGUF:Q4_K_M", model.stat().st_size)
    assert (middle["runs"], middle["fits"], middle["parts"]) == (True, True, 1)
    assert (large["bytes"], large["fits"], large["parts"]) == (9000 * GB, False, 2)
    assert large["name"] == "a/Tiny-GGUF:F16"
    shown = subprocess.run([swiftlet, "show", model, "--json", "--context", "1024"], capture_output=True, text=True)
    memory = json.loads(shown.stdout)["memory"]
    assert 0 <= small["bytes"] + memory["cache"] + memory["scratch"] - small["memory_bytes"] < 100_000
    assert other["gated"] is True and other["files"][0]["runs"] is False and "\x1b" not in other["architecture"]
    assert "adapter" in lora["problem"] and lora["files"][0]["runs"] is False
    # Of a gated one nothing but the list is asked for; of others one beginning.
    assert [path for path, _, range in hub.asked if range] and all(
        "Other" not in path and range == "bytes=0-65535" for path, _, range in hub.asked if range)


def test_people_get_a_table_without_colours(swiftlet, hub):
    done = search(swiftlet, hub.address, "tiny")
    assert done.returncode == 0 and "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("a/Tiny-GGUF: llama, 134.5M weights, 1024 tokens, mit, 1.2M downloads")
    assert [line.split()[-1] for line in lines if "Q8_0" in line] == ["runs"]
    assert any("in 2 files" in line and line.endswith("does not fit") for line in lines)
    assert any("does not run here" in line for line in lines)


def test_what_goes_wrong_is_told_in_one_paragraph(swiftlet, hub):
    for address, more, words in [("http://127.0.0.1:9", {}, "cannot be asked"),
                                 (hub.address, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set")]:
        done = search(swiftlet, address, "tiny", **more)
        assert done.returncode == 1 and words in done.stderr and done.stdout == ""
        assert done.stderr.count("\n") == 1
    for arguments in [["x" * 201], ["tiny", "--limit", "0"], []]:
        assert search(swiftlet, hub.address, *arguments).returncode == 64
    hub.asked.clear()
    empty = Hub({})
    done = search(swiftlet, empty.address, "tiny", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == []
    assert search(swiftlet, empty.address, "tiny").returncode == 1
