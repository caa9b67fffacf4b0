"""Every bad input ends with one clear paragraph on standard error and a code other than zero, and never with a crash."""

import json
import os
import struct
import subprocess

import pytest


@pytest.fixture
def run(swiftlet, tmp_path):
    def start(*arguments, text="", **variables):
        environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": "", **variables}
        return subprocess.run([swiftlet, *map(str, arguments)], input=text, capture_output=True, text=True,
                              timeout=120, env=environment)
    return start


def assert_clear(result, *words, code=1):
    """One paragraph that says what was wrong; no backtrace, no dump of a type."""
    assert result.returncode == code, (result.returncode, result.stderr)
    message = result.stderr.strip()
    assert message and "\n\n" not in message and len(message) < 1200, message
    assert "crashed" not in message and "Fatal" not in message and "Error(" not in message, message
    for word in words:
        assert word in message, (word, message)


def string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(entries=(), tensors=(), data=b"", magic=b"GGUF", version=3, counts=None):
    """A GGUF file: entries are (key, type number, value bytes), tensors (name, shape, format, offset)."""
    tensor_count, entry_count = counts or (len(tensors), len(entries))
    file = magic + struct.pack("<IQQ", version, tensor_count, entry_count)
    for key, kind, value in entries:
        file += string(key) + struct.pack("<I", kind) + value
    for name, shape, kind, offset in tensors:
        file += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        file += struct.pack("<IQ", kind, offset)
    return file + bytes(-len(file) % 32) + data


ARCHITECTURE = ("general.architecture", 8, string("llama"))
BAD_FILES = {
    "empty": (b"", []),
    "wrong-magic": (gguf(magic=b"GGML"), ["GGUF", "GGML"]),
    "wrong-version": (gguf(version=9), ["9"]),
    "absurd-tensor-count": (gguf(counts=(1 << 60, 0)), []),
    "absurd-metadata-count": (gguf(counts=(0, 1 << 60)), []),
    "string-past-the-end": (gguf([("k", 8, struct.pack("<Q", 1 << 40))]), []),
    "array-past-the-end": (gguf([("k", 9, struct.pack("<IQ", 4, 1 << 50))]), []),
    "unknown-value-type": (gguf([("k", 77, b"")]), ["77"]),
    "tensor-past-the-end": (gguf([ARCHITECTURE], [("token_embd.weight", (1024, 1024), 0, 0)], bytes(64)),
                            ["token_embd.weight"]),
    "tensor-offset-overflow": (gguf([ARCHITECTURE], [("t", (32,), 0, (1 << 64) - 32)], bytes(128)), []),
    "zero-dimension": (gguf([ARCHITECTURE], [("t", (0,), 0, 0)], bytes(32)), []),
    "unknown-architecture": (gguf([("general.architecture", 8, string("nonsense"))]), ["nonsense", "llama", "gemma3"]),
    "no-architecture": (gguf(), ["general.architecture"]),
    "only-an-architecture": (gguf([ARCHITECTURE]), []),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_malformed_model(run, tmp_path, name):
    content, words = BAD_FILES[name]
    path = tmp_path / f"{name}.gguf"
    path.write_bytes(content)
    assert_clear(run("run", path, "--prompt", "Hello"), *words)
    assert_clear(run("tokenize", path, text="Hello"))


@pytest.mark.parametrize("keep", [3, 30, 4096, 1_000_000, 60_000_000])
def test_a_truncated_model(run, tmp_path, quick, keep):
    path = tmp_path / "truncated.gguf"
    with open(quick, "rb") as source:
        path.write_bytes(source.read(keep))
    assert_clear(run("run", path, "--prompt", "Hello"))


@pytest.mark.parametrize("command", ["run", "show", "tokenize"])
def test_a_path_that_leads_nowhere(run, tmp_path, command):
    assert_clear(run(command, tmp_path / "none.gguf", text="Hello"), "none.gguf")


def test_a_directory_instead_of_a_model(run, tmp_path):
    (tmp_path / "folder.gguf").mkdir()
    assert_clear(run("run", tmp_path / "folder.gguf", "--prompt", "Hello"))


def test_no_permission(swiftlet, unprivileged, tmp_path):
    path = tmp_path / "secret.gguf"
    path.write_bytes(gguf())
    path.chmod(0)
    result = subprocess.run([*unprivileged, swiftlet, "run", str(path), "--prompt", "Hello"], capture_output=True,
                            text=True)
    assert_clear(result, "secret.gguf")


def test_an_unknown_name(run):
    assert_clear(run("run", "nonsense", "--prompt", "Hello"), "nonsense", "quick")


def test_no_network_says_what_is_missing(run):
    assert_clear(run("run", "smart", "--prompt", "Hello", HF_HUB_OFFLINE="1"), "Llama 3.2 3B Instruct", "HF_HUB_OFFLINE")
    assert_clear(run("pull", "someone/some-model", HF_ENDPOINT="http://127.0.0.1:9"), "someone/some-model")


@pytest.mark.parametrize("template, words", [
    ("{% for", ["line 1"]),
    ("{{ messages[0].content.nothing.at_all }}", ["line 1"]),
    ("{{ raise_exception('Not like that') }}", ["Not like that"]),
    ("{% for a in range(100000000) %}{% for b in range(100000000) %}x{% endfor %}{% endfor %}", []),
    ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", []),
    ("{{ 'x' * 100000000000 }}", []),
    ("{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}", []),
    ("{% set n = namespace(l=[1]) %}{% for i in range(100) %}{% set n.l = n.l + n.l %}{% endfor %}{{ n.l }}", []),
])
def test_a_bad_template(run, tmp_path, template, words):
    messages = tmp_path / "messages.json"
    messages.write_text(json.dumps([{"role": "user", "content": "Hello"}]))
    path = tmp_path / "template.jinja"
    path.write_text(template)
    assert_clear(run("template", "--template", path, "--messages", messages), *words)


@pytest.mark.parametrize("messages", ["", "{", "{}", "[1, ", "[" * 100_000, '"text"'])
def test_messages_that_are_none(run, tmp_path, messages):
    path = tmp_path / "messages.json"
    path.write_text(messages)
    template = tmp_path / "template.jinja"
    template.write_text("{{ messages }}")
    assert_clear(run("template", "--template", template, "--messages", path), "messages.json")


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["run"], ["run", "quick", "--temperature", "hot"], ["run", "quick", "--prompt", "x", "--top-p", "2"],
    ["run", "quick", "--prompt", "x", "--threads", "0"], ["run", "quick", "--prompt", "x", "--context", "0"],
    ["template", "--messages", "x"], ["template", "--messages", "x", "--model", "a", "--template", "b"],
    ["bench", "quick", "--repeat", "0"], ["bench", "quick", "--after", "-1"], ["serve", "--port", "70000"],
    ["perplexity", "quick"], ["perplexity", "quick", "--file", "x", "--context", "1"],
    ["perplexity", "quick", "--file", "x", "--logprobs", "-1"], ["tokenize", "quick", "--nonsense"],
])
def test_wrong_usage_exits_with_64(run, arguments):
    assert_clear(run(*arguments), code=64)


def test_help_is_no_error(run):
    for arguments in [[], ["--help"], ["run", "--help"], ["help", "chat"]]:
        result = run(*arguments)
        assert result.returncode == 0 and "USAGE" in result.stdout and not result.stderr


def test_a_text_too_short_for_perplexity(run, quick):
    assert_clear(run("perplexity", quick, "--file", "-", text="A few words."), "1024", "--context")


def test_an_instruction_set_that_the_machine_lacks(run, quick):
    assert_clear(run("bench", quick, "--instruction-set", "mmx"), "this machine has", "mmx")


def test_a_prompt_longer_than_the_context(run, quick):
    assert_clear(run("run", quick, "--context", "32", "--prompt", "word " * 200), "32")


def test_bytes_that_are_no_text(swiftlet, quick):
    result = subprocess.run([swiftlet, "run", quick], input=b"\xff\xfe", capture_output=True, timeout=60)
    assert result.returncode == 1 and b"UTF-8" in result.stderr
