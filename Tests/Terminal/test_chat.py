"""A conversation in a terminal, as a person has it."""

import fcntl
import json
import os
import re
import subprocess
import time

import pytest
from terminal import screen


@pytest.fixture
def chat(terminal, quick):
    """A chat with the Quick model, greedy, at its first prompt."""
    def start(*arguments, **options):
        program = terminal("chat", quick, "--temperature", "0", *arguments, **options)
        program.wait_for(r"/help lists commands.*> ")
        program.wait_quiet()
        return program
    return start


def say(program, text, timeout=120):
    """Types a message and returns the reply, after the next prompt has come."""
    start = program.mark
    program.type(text + "\r")
    program.wait_for(r"\n[^\n]*\S.*\r\n(\x1b\[\?2004h)?[^\n]*> ", timeout, start)
    program.wait_quiet()
    lines = screen(program.text[start:])
    return "\n".join(lines).strip()


def test_a_message_is_answered_and_ctrl_d_leaves(chat):
    program = chat("--max-tokens", "12")
    assert "Hello" in say(program, "Hi")
    program.type("\x04")
    assert program.wait_exit() == 0


def test_the_terminal_is_left_as_it_was(terminal, quick):
    for end in ["\x04", "/quit\r"]:
        program = terminal("chat", quick, "--max-tokens", "4")
        before = program.modes()
        program.wait_for(r"/help lists commands.*> ")
        assert program.modes() != before
        program.type(end)
        assert program.wait_exit() == 0
        assert program.modes() == before


def test_ctrl_c_stops_the_reply_and_keeps_the_session(chat):
    program = chat()
    start = program.mark
    program.type("Write a very long story about a dragon.\r")
    program.wait_for(r"2004l\w+ \w+ \w+ \w+", start=start)
    program.type("\x03")
    asked = time.monotonic()
    program.wait_for("Stopped", timeout=10, start=start)
    assert time.monotonic() - asked < 3
    program.wait_for(r"Stopped.*> ", start=start)
    start = program.mark
    program.type("\x03")
    program.wait_for("Ctrl-D or /quit leaves", start=start)
    say(program, "/set max-tokens 8")
    assert len(say(program, "Hi").split("\n")) >= 2
    program.type("\x04")
    assert program.wait_exit() == 0


def test_regenerate_replaces_the_last_reply(chat, tmp_path):
    program = chat("--max-tokens", "8")
    first = say(program, "Name a color.").split("\n", 1)[1]
    again = say(program, "/regenerate").split("\n", 1)[1]
    assert again == first  # Greedy: the same conversation gives the same reply.
    saved = tmp_path / "chat.json"
    say(program, f"/save {saved}")
    conversation = json.loads(saved.read_text())
    assert [message["role"] for message in conversation["messages"]] == ["user", "assistant"]
    assert conversation["messages"][0]["content"] == "Name a color."
    assert "such a file already" in say(program, f"/save {saved}").replace("\n", "")


def test_a_message_of_many_lines(chat, tmp_path):
    program = chat("--max-tokens", "4")
    program.type('"""\r')
    program.wait_for(r"\n[^\n]*\. ")
    program.type("first line\rsecond line\r")
    say(program, '"""')
    saved = tmp_path / "chat.json"
    say(program, f"/save {saved}")
    assert json.loads(saved.read_text())["messages"][0]["content"] == "first line\nsecond line"


def test_a_paste_of_many_lines_is_one_message(chat, tmp_path):
    program = chat("--max-tokens", "4")
    program.type("\x1b[200~first\nsecond\x1b[201~")
    say(program, "")
    saved = tmp_path / "chat.json"
    say(program, f"/save {saved}")
    assert json.loads(saved.read_text())["messages"][0]["content"] == "first\nsecond"


def test_the_line_can_be_edited_and_history_comes_back(chat, tmp_path):
    program = chat("--max-tokens", "4")
    # Home, kill to the end, type, go left over wide and combined characters, correct.
    say(program, "wrong\x01\x0bSay 你好e\u0301x\x1b[D\x1b[D\x7f!\x05.")
    say(program, "\x1b[A")
    saved = tmp_path / "chat.json"
    say(program, f"/save {saved}")
    contents = [m["content"] for m in json.loads(saved.read_text())["messages"] if m["role"] == "user"]
    assert contents == ["Say 你!e\u0301x.", "Say 你!e\u0301x."]


def test_a_line_longer_than_the_terminal_wraps(chat):
    program = chat("--max-tokens", "4", columns=40)
    start = program.mark
    program.type("a" * 100)
    program.wait_quiet()
    lines = screen("\r> " + program.text[start:], 40)
    assert "".join(lines).count("a") == 100 and max(map(len, lines)) <= 40


def test_commands(chat):
    program = chat("--max-tokens", "4")
    for word in ["/regenerate", "/set", "/save", "/stats", '"""']:
        assert word in say(program, "/help")
    assert "no reply" in say(program, "/stats")
    assert "no reply" in say(program, "/regenerate")
    assert "expected" in say(program, "/set temperature hot")
    assert "/help" in say(program, "/nonsense")
    say(program, "/set temperature 0.2")
    assert "0.2" in say(program, "/set")
    say(program, "Hello")
    statistics = say(program, "/stats")
    assert "tokens/s" in statistics and "context" in statistics
    assert "empty" in say(program, "/clear")
    assert "no reply" in say(program, "/stats")


def test_a_second_turn_reads_only_what_is_new(chat):
    program = chat("--max-tokens", "8")
    say(program, "My name is Ada. Remember it. " + "I like long messages with many words in them. " * 8)
    say(program, "And you?")
    statistics = say(program, "/stats")
    new, cached = [int(word) for word in statistics.replace("(", "").split() if word.isdigit()][:2]
    assert cached > 100 and new < 30, statistics


def test_a_pipe_is_a_chat_too(swiftlet, quick):
    result = subprocess.run([swiftlet, "chat", quick, "--temperature", "0", "--max-tokens", "12"], capture_output=True,
                            input="Hi\nName a color.\n", text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "Hello" in result.stdout and "\x1b" not in result.stdout and ">" not in result.stdout
    assert len(result.stdout.strip().split("\n")) >= 2


def test_a_conversation_goes_on_in_another_run(swiftlet, quick, tmp_path):
    """With its keys and values: what was computed is not computed again, and the reply is the same."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    file = tmp_path / "talk.json"

    def run(text, **changes):
        done = subprocess.run(
            [swiftlet, "chat", quick, "--temperature", "0", "--max-tokens", "12", "--conversation", str(file)],
            input=text, text=True, capture_output=True, env={**environment, **changes}, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    story = "A keeper wrote down the weather, the ships and the birds of every single day. " * 12
    run(f"{story}\n")
    first = json.loads(file.read_text())
    assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
    assert file.stat().st_mode & 0o777 == 0o600
    [kept] = (tmp_path / "cache/swiftlet/conversations").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.stat().st_size > 100_000

    going_on = run("And what else?\n/stats\n")
    assert int(re.search(r"\((\d+) more were cached", going_on)[1]) > 150
    second = json.loads(file.read_text())
    assert second["messages"][:2] == first["messages"] and len(second["messages"]) == 4

    # The same without what was kept, from where the conversation was.
    file.write_text(json.dumps(first))
    fresh = run("And what else?\n/stats\n", XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert "(0 more were cached" in fresh
    assert json.loads(file.read_text()) == second

    assert "empty again" not in run("/clear\n")  # Silent where nobody looks.
    assert json.loads(file.read_text())["messages"] == []
    assert not list((tmp_path / "cache/swiftlet/conversations").iterdir())

    file.write_text("[1, 2]")
    done = subprocess.run(
        [swiftlet, "chat", quick, "--conversation", str(file)], input="", text=True, capture_output=True)
    assert done.returncode != 0 and "expected a conversation" in done.stderr


def test_a_conversation_shares_its_file_with_a_link_and_its_keys_with_another_process(swiftlet, quick, tmp_path):
    file = tmp_path / "real.json"
    link = tmp_path / "link.json"
    link.symlink_to(file.name)

    def run():
        done = subprocess.run(
            [swiftlet, "chat", quick, "--max-tokens", "2", "--conversation", str(link)], input="Hello " * 40 + "\n",
            text=True, capture_output=True, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)}, timeout=300)
        assert done.returncode == 0, done.stderr

    run()
    assert link.is_symlink() and len(json.loads(file.read_text())["messages"]) == 2
    [kept] = (tmp_path / "swiftlet/conversations").iterdir()
    # As a process has it that has just begun, and has written nothing yet.
    kept.write_bytes(b"")
    with kept.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        run()
        assert kept.exists() and kept.stat().st_size == 0
