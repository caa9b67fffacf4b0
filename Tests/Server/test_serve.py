"""`swiftlet serve` as a process: its address, the hub's cache, signals, and a port that is taken."""

import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

REPOSITORY = "models--QuantFactory--SmolLM2-135M-Instruct-GGUF"
REVISION = "ab810cf68114990406fdf996510dd3d3c6adbdf5"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.fixture
def program():
    path = os.environ.get("SWIFTLET_BIN")
    if not path or not pathlib.Path(path).exists():
        pytest.skip("SWIFTLET_BIN is not set")
    return path


@pytest.fixture
def cache(tmp_path):
    """A hub cache with the Quick model in it."""
    models = os.environ.get("SWIFTLET_TEST_MODELS")
    if not models:
        pytest.skip("SWIFTLET_TEST_MODELS is not set")
    folder = tmp_path / "hub" / REPOSITORY
    (folder / "blobs").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "snapshots" / REVISION).mkdir(parents=True)
    # A link: the file is not read-only, but nothing here writes to it.
    (folder / "blobs" / SHA256).symlink_to((pathlib.Path(models) / "smollm2.gguf").resolve())
    (folder / "refs" / "main").write_text(REVISION)
    (folder / "snapshots" / REVISION / FILE).symlink_to(f"../../blobs/{SHA256}")
    return tmp_path / "hub"


@pytest.fixture
def serve(program, tmp_path):
    """A function that starts the server and gives (process, port)."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<!doctype html>page")
    running = []

    def start(*arguments, cache="", port=0):
        process = subprocess.Popen(
            [program, "serve", "--port", str(port), "--web", site, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
            env={**os.environ, "HF_HUB_CACHE": str(cache or tmp_path / "empty")})
        running.append(process)
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        return process, int(found.group(1)) if found else line

    yield start
    for process in running:
        process.kill()
        process.wait()


def get(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_the_page_and_the_cached_model_are_served(serve, cache):
    _, port = serve(cache=cache)
    response, body = get(port, "/")
    assert (response.status, body) == (200, b"<!doctype html>page")
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    [model] = json.loads(get(port, "/models/index.json")[1])["models"]
    assert (model["id"], model["file"], model["sha256"]) == ("smollm2-135m-instruct", FILE, SHA256)
    response, body = get(port, f"/models/{FILE}")
    assert response.headers["ETag"] == f'"sha256-{SHA256}"'
    assert hashlib.sha256(body).hexdigest() == SHA256
    response, part = get(port, f"/models/{FILE}", Range="bytes=1000-1999")
    assert response.status == 206 and part == body[1000:2000]


def test_who_opens_it_to_other_machines_hears_what_plain_http_lacks(serve):
    process, port = serve("--host", "0.0.0.0")
    said = process.stdout.readline() + process.stdout.readline()
    assert "plain HTTP" in said and "HTTPS" in said and f"ssh -L 8080:localhost:{port} " in said
    assert get(port, "/health")[0].status == 200


def test_without_models_the_list_is_empty(serve):
    _, port = serve()
    assert json.loads(get(port, "/models/index.json")[1]) == {"models": []}
    assert get(port, f"/models/{FILE}")[0].status == 404


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_also_with_idle_connections(serve, number):
    process, port = serve()
    idle = http.client.HTTPConnection("127.0.0.1", port)
    idle.request("GET", "/health")
    assert idle.getresponse().read() == b'{"status":"ok"}'
    start = time.monotonic()
    process.send_signal(number)
    assert process.wait(15) == 0
    assert time.monotonic() - start < 5


def test_a_download_that_stands_still_does_not_keep_it_alive(serve, cache):
    process, port = serve(cache=cache)
    with socket.create_connection(("127.0.0.1", port)) as stuck:
        stuck.sendall(f"GET /models/{FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert stuck.recv(1000)
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def test_a_port_in_use_is_said_in_one_sentence(serve):
    _, port = serve()
    process, line = serve(port=port)
    assert process.wait(10) != 0
    assert f"Port {port} on 127.0.0.1 is in use" in line and "--port" in line


def test_other_hosts_cannot_connect_by_default(serve):
    _, port = serve()
    address = socket.gethostbyname(socket.gethostname())
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback to try")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, port), timeout=5).close()


def test_a_client_that_takes_nothing_does_not_fill_the_memory(serve, cache):
    """The server's own process is measured: what it holds must not follow the file's size of 98 MB."""
    process, port = serve(cache=cache)

    def resident():
        return int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    get(port, "/health")
    before = resident()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /models/{FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(2)
        assert resident() - before < 32 << 20, "the file was read ahead of a client that takes nothing"
