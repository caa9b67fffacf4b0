"""The file of `swiftlet chat --conversation`: what cannot be kept is told before anything is said, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

TALK = {"model": "quick", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
ABSENT = "no-such-model.gguf"


@pytest.fixture
def chat(swiftlet, tmp_path):
    """Runs a chat over a pipe; the model is one that is not there, unless another is named."""
    def run(file, text="Hi\n", model=ABSENT, prefix=(), **options):
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run([*prefix, swiftlet, "chat", model, "--max-tokens", "2", "--conversation", str(file)],
                              input=text, text=True, capture_output=True, env=environment, timeout=120, **options)
    return run


def assert_refused(result, *words):
    """One clear error, before a model was looked for."""
    assert result.returncode == 1, (result.returncode, result.stderr)
    assert ABSENT not in result.stderr and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, (word, result.stderr)


def test_a_folder_that_does_not_exist(chat, tmp_path):
    assert_refused(chat(tmp_path / "none/talk.json"), "none/talk.json", "does not exist", "mkdir")


def test_a_folder_or_less_instead_of_a_file(chat, tmp_path):
    assert_refused(chat(tmp_path), "this is a folder")
    assert_refused(chat("/dev/null"), "/dev/null", "expected a file")
    (tmp_path / "file").write_text("")
    assert_refused(chat(tmp_path / "file/talk.json"), "not a folder")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert_refused(chat(tmp_path / "a"), "circle")
    os.mkfifo(tmp_path / "pipe")
    assert_refused(chat(tmp_path / "pipe"), "expected a file")
    assert chat("").returncode == 64


@pytest.mark.parametrize("content, words", [
    (b"[1, 2]", ["expected a conversation"]), (b"not json", ["expected a conversation"]), (b"\xff\x00", ["expected"]),
    (json.dumps({**TALK, "version": 2}).encode(), ["later version"]),
    (json.dumps({"version": 7, "tree": []}).encode(), ["later version"]),
    (json.dumps({**TALK, "title": "Hello"}).encode(), ["more than roles and texts"]),
    (json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi", "image": "x"}]}).encode(), ["lost"]),
])
def test_what_is_no_conversation_of_this_version_stays(chat, tmp_path, content, words):
    file = tmp_path / "talk.json"
    file.write_bytes(content)
    assert_refused(chat(file), "talk.json", "ame another file", *words)
    assert file.read_bytes() == content and [path.name for path in tmp_path.iterdir()] == ["talk.json"]


def test_no_permission(chat, unprivileged, tmp_path):
    file = tmp_path / "talk.json"
    file.write_text(json.dumps(TALK))
    for mode, word in [(0o000, "may not be read"), (0o444, "may not be written")]:
        file.chmod(mode)
        assert_refused(chat(file, prefix=unprivileged), "talk.json", word, "chmod")
    file.chmod(0o666)
    tmp_path.chmod(0o555)
    assert_refused(chat(file, prefix=unprivileged), "the folder", "may not be written")
    assert_refused(chat(tmp_path / "new.json", prefix=unprivileged), "the folder", "may not be written")
    tmp_path.chmod(0o755)
    assert json.loads(file.read_text()) == TALK


def test_nothing_is_left_where_nothing_was_said(chat, quick, tmp_path):
    file = tmp_path / "talk.json"
    assert chat(file).returncode == 1  # There is no such model.
    assert chat(file, text="", model=quick).returncode == 0
    assert not file.exists()
    # An empty file is a conversation that begins: mktemp makes one.
    file.write_text("")
    assert chat(file, model=quick).returncode == 0
    assert len(json.loads(file.read_text())["messages"]) == 2


def test_another_model_is_told(chat, quick, tmp_path):
    file = tmp_path / "talk.json"
    file.write_text(json.dumps({**TALK, "model": "genius"}))
    done = chat(file, model=quick)
    assert done.returncode == 0 and "with the model genius and goes on with" in done.stderr
    found = json.loads(file.read_text())
    assert found["messages"][:2] == TALK["messages"] and found["model"] == quick and found["version"] == 1
    assert chat(file, model=quick).stderr == ""


def begin(terminal, quick, file, tmp_path):
    """A chat that goes on in a file, after its first reply."""
    program = terminal("chat", quick, "--max-tokens", "2", "--conversation", str(file),
                       env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    program.wait_for(r"/help lists commands.*> ")
    say(program, "Hi")
    return program


def say(program, text):
    start = program.mark
    program.type(text + "\r")
    program.wait_for(r"\r\n.*\r\n[^\n]*> ", start=start)
    return program.text[start:]


def test_a_conversation_is_open_in_one_process(terminal, chat, quick, tmp_path):
    file, link = tmp_path / "talk.json", tmp_path / "link.json"
    link.symlink_to("talk.json")
    first = begin(terminal, quick, file, tmp_path)
    for path in [file, link]:
        assert_refused(chat(path), path.name, "open in another process")
    # The lock goes along with every file that comes in the place of the one before.
    say(first, "And you?")
    assert_refused(chat(file), "open in another process")
    assert len(json.loads(file.read_text())["messages"]) == 4
    first.type("\x04")
    assert first.wait_exit() == 0
    assert chat(file, model=quick).returncode == 0
    assert len(json.loads(file.read_text())["messages"]) == 6


def test_a_crash_lets_go_of_the_conversation(terminal, chat, quick, tmp_path):
    file = tmp_path / "talk.json"
    first = begin(terminal, quick, file, tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    first.wait_exit()
    assert chat(file, model=quick).returncode == 0
    assert len(json.loads(file.read_text())["messages"]) == 4


def test_what_another_program_wrote_stays(terminal, quick, tmp_path):
    file, elsewhere = tmp_path / "talk.json", tmp_path / "saved.json"
    program = begin(terminal, quick, file, tmp_path)
    file.write_text("notes")
    assert "another program has changed" in " ".join(say(program, "And you?").split())
    assert file.read_text() == "notes"
    say(program, f"/save {elsewhere}")
    assert len(json.loads(elsewhere.read_text())["messages"]) == 4
    program.type("\x04")
    assert program.wait_exit() == 0, "everything was written somewhere"


def test_what_could_not_be_kept_ends_with_an_error(terminal, quick, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    program = begin(terminal, quick, folder / "talk.json", tmp_path)
    shutil.rmtree(folder)
    assert "could not be written" in " ".join(say(program, "And you?").split())
    program.type("\x04")
    assert program.wait_exit() == 1


def test_a_pipe_ends_at_the_first_reply_that_is_not_kept(swiftlet, quick, tmp_path):
    file = tmp_path / "talk.json"
    process = subprocess.Popen([swiftlet, "chat", quick, "--max-tokens", "2", "--conversation", str(file)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    process.stdin.write("Hi\n")
    process.stdin.flush()
    assert process.stdout.readline()
    while len(json.loads(file.read_text() or '{"messages": []}')["messages"]) < 2:
        time.sleep(0.02)
    file.write_text("notes")
    _, errors = process.communicate("And you?\nAnd then?\n", timeout=60)
    assert process.returncode == 1 and "another program" in errors and file.read_text() == "notes"
