"""`swiftlet pull` as a person and as a script see it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from hub import Hub
from terminal import screen

CONTENT = bytes(range(256)) * 40_000  # 10 MB


@pytest.fixture
def environment(tmp_path):
    return {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": "", "HF_TOKEN": "", "HF_HUB_OFFLINE": ""}


def pull(swiftlet, hub, environment, *arguments, **options):
    return subprocess.run([swiftlet, "pull", *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment, "HF_ENDPOINT": hub.address}, **options)


@pytest.fixture
def hub():
    hubs = []

    def start(*arguments, **options):
        hubs.append(Hub(*arguments, **options))
        return hubs[-1]

    yield start
    for each in hubs:
        each.close()


def test_a_terminal_shows_a_bar_with_amounts_rate_and_time_left(terminal, hub, environment):
    slow = hub(CONTENT, rate=3_000_000)
    program = terminal("pull", Hub.REPOSITORY, columns=100, env={**environment, "HF_ENDPOINT": slow.address})
    seen = program.wait_for(r"(\d+)%[^\r\n]*━[^\r\n]* MB of 10\.2 MB, [\d.]+ [kM]B/s, \d+ s left")
    assert program.wait_exit() == 0, program.text
    assert seen
    # The bar is gone in the end; the path is what stays.
    assert "━" not in "\n".join(screen(program.text, 100))
    assert Hub.FILE in "".join(screen(program.text, 100))


def test_percentages_never_go_back(terminal, hub, environment):
    program = terminal("pull", Hub.REPOSITORY,
                       env={**environment, "HF_ENDPOINT": hub(CONTENT, rate=5_000_000).address})
    assert program.wait_exit() == 0
    shown = [int(number) for number in re.findall(r"(\d+)%", program.text)]
    assert len(shown) > 5 and shown == sorted(shown)


def test_no_color_is_respected(terminal, hub, environment):
    slow = hub(CONTENT, rate=8_000_000)
    program = terminal("pull", Hub.REPOSITORY, env={**environment, "HF_ENDPOINT": slow.address, "NO_COLOR": "1"})
    assert program.wait_exit() == 0
    assert "━" in program.text and not re.search(r"\x1b\[\d+m", program.text)


def test_a_pipe_gets_plain_lines_and_the_path(swiftlet, hub, environment):
    result = pull(swiftlet, hub(CONTENT, rate=5_000_000), environment, Hub.REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stderr and "\r" not in result.stderr and "%" in result.stderr
    assert pathlib.Path(result.stdout.strip()).read_bytes() == CONTENT


def test_json_names_files_and_bytes(swiftlet, hub, environment):
    result = pull(swiftlet, hub(CONTENT), environment, Hub.REPOSITORY, "--json")
    output = json.loads(result.stdout)
    assert output["bytes"] == len(CONTENT) and pathlib.Path(output["files"][0]).exists()


def test_ctrl_c_keeps_what_has_arrived_and_the_next_pull_goes_on(swiftlet, hub, environment):
    slow = hub(CONTENT, rate=2_000_000)
    process = subprocess.Popen([swiftlet, "pull", Hub.REPOSITORY], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env={**os.environ, **environment, "HF_ENDPOINT": slow.address})
    while slow.sent < 5_000_000:
        time.sleep(0.05)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and "goes on from there" in errors
    assert time.monotonic() - start < 2
    fast = hub(CONTENT)
    result = pull(swiftlet, fast, environment, Hub.REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert fast.sent < len(CONTENT) - 1_000_000
    assert pathlib.Path(result.stdout.strip()).read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_nothing_is_kept(swiftlet, hub, environment, tmp_path):
    result = pull(swiftlet, hub(CONTENT, wrong_hash=True), environment, Hub.REPOSITORY)
    assert result.returncode == 1 and "SHA-256" in result.stderr
    assert not [path for path in tmp_path.glob("**/*.gguf") if path.exists()]


def test_list_shows_and_rm_removes(swiftlet, hub, environment):
    assert pull(swiftlet, hub(CONTENT), environment, Hub.REPOSITORY).returncode == 0
    variables = {**os.environ, **environment}

    def run(*arguments):
        return subprocess.run([swiftlet, *arguments], capture_output=True, text=True, env=variables, timeout=60)

    (entry,) = [model for model in json.loads(run("list", "--json").stdout) if model["status"] == "downloaded"]
    assert entry["name"].startswith(Hub.REPOSITORY) and entry["bytes"] == len(CONTENT)
    assert run("rm", entry["name"]).returncode == 0
    assert not any(model["status"] == "downloaded" for model in json.loads(run("list", "--json").stdout))
    assert run("rm", entry["name"]).returncode == 1


@pytest.mark.parametrize("key, value, words", [
    ("general.type", "adapter", "llama-export-lora"), ("general.architecture", "clip", "projector"),
    ("general.type", "imatrix", "importance matrix")])
def test_what_is_no_language_model_is_refused_before_it_is_fetched(swiftlet, hub, environment, tmp_path, key, value, words):
    text = lambda string: len(string).to_bytes(8, "little") + string.encode()
    entries = text("general.name") + (8).to_bytes(4, "little") + text("x") + text(key) + (8).to_bytes(4, "little") + text(value)
    content = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (2).to_bytes(8, "little") + entries + CONTENT
    there = hub(content)
    result = pull(swiftlet, there, environment, Hub.REPOSITORY)
    assert result.returncode == 1 and words in result.stderr and Hub.FILE in result.stderr
    assert there.sent < 200_000
    assert not [path for path in tmp_path.glob("**/*") if path.is_file() and path.stat().st_size > 1000]
