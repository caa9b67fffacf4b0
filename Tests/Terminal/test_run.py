"""`swiftlet run` as scripts use it: the JSON, prompts from a pipe, and being stopped."""

import json
import os
import pathlib
import signal
import subprocess
import time

from tiny_gguf import Q, write


def run(swiftlet, *arguments, text=None):
    return subprocess.run([swiftlet, "run", *arguments], input=text, capture_output=True, text=True, timeout=300)


def test_json_has_every_field(swiftlet, quick):
    result = run(swiftlet, quick, "--prompt", "Hi", "--temperature", "0", "--max-tokens", "4", "--logprobs", "3", "--json")
    assert result.returncode == 0, result.stderr
    output = json.loads(result.stdout)
    assert output["model"] == quick and output["text"].startswith("Hello") and output["finish_reason"] == "length"
    assert len(output["tokens"]) == len(output["logprobs"]) == output["timings"]["predicted_n"] == 4
    assert len(output["prompt_tokens"]) == output["timings"]["prompt_n"]
    for token, step in zip(output["tokens"], output["logprobs"]):
        assert step["token"] == token and len(step["top"]) == 3 and step["logprob"] <= 0
        assert step["top"][0]["logprob"] >= step["top"][1]["logprob"] >= step["top"][2]["logprob"]
    assert {"load_ms", "prompt_n", "prompt_ms", "predicted_n", "predicted_ms", "ttft_ms"} <= output["timings"].keys()


def test_a_reply_that_ends_by_itself(swiftlet, quick):
    output = json.loads(run(swiftlet, quick, "--prompt", "Hi", "--temperature", "0", "--json").stdout)
    assert output["finish_reason"] == "stop" and "<|im_end|>" not in output["text"] and "logprobs" not in output


def test_a_stop_string_ends_the_reply_and_is_no_part_of_it(swiftlet, quick):
    result = run(swiftlet, quick, "--prompt", "Count from 1 to 10.", "--temperature", "0", "--max-tokens", "60",
                 "--stop", " 3", "--stop", "3.", "--json")
    output = json.loads(result.stdout)
    assert "3" not in output["text"]


def test_the_prompt_comes_from_a_pipe(swiftlet, quick):
    arguments = [quick, "--temperature", "0", "--max-tokens", "4"]
    given = run(swiftlet, *arguments, "--prompt", "Hi").stdout
    assert run(swiftlet, *arguments, text="Hi").stdout == run(swiftlet, *arguments, "--prompt", "-", text="Hi").stdout == given


def test_an_interrupt_ends_the_reply_and_says_so(swiftlet, quick):
    process = subprocess.Popen([swiftlet, "run", quick, "--prompt", "Write a very long story.", "--temperature", "0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.read(10)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and first and not errors, errors
    assert time.monotonic() - start < 5 and len(rest) < 2000


def test_a_reader_that_leaves_ends_the_program(swiftlet, quick):
    process = subprocess.Popen([swiftlet, "run", quick, "--prompt", "Write a very long story.", "--temperature", "0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) != 0
    assert b"crashed" not in process.stderr.read()


def test_a_terminated_chat_gives_the_terminal_back(terminal, quick):
    program = terminal("chat", quick)
    before = program.modes()
    program.wait_for(r"/help lists commands.*> ")
    os.kill(program.pid, signal.SIGTERM)
    assert program.wait_exit() == 143
    assert program.modes() == before


def test_a_pre_tokenizer_that_nobody_knows_is_warned_of(swiftlet, quick, tmp_path):
    model = tmp_path / "model.gguf"
    model.write_bytes(pathlib.Path(quick).read_bytes().replace(b"\x06\x00\x00\x00\x00\x00\x00\x00smollm", b"\x06\x00\x00\x00\x00\x00\x00\x00smellm", 1))
    result = run(swiftlet, str(model), "--prompt", "Hi", "--max-tokens", "2", "--json")
    assert result.returncode == 0 and "Warning: The file's pre-tokenizer “smellm”" in result.stderr
    shown = subprocess.run([swiftlet, "show", model], capture_output=True, text=True, timeout=60)
    assert "“smellm” (tokenizer.ggml.pre) is not known" in shown.stdout


def test_tools_documents_and_variables_reach_the_template(swiftlet, tmp_path):
    template = tmp_path / "t.jinja"
    template.write_text("{{ tools[0].name }}/{{ documents[0].text }}/{{ enable_thinking }}/{{ messages[0].content }}")
    for name, value in [("messages", [{"role": "user", "content": "Hi"}]), ("tools", [{"name": "T"}]), ("documents", [{"text": "D"}])]:
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    arguments = ["--tools", tmp_path / "tools.json", "--documents", tmp_path / "documents.json", "--variables", '{"enable_thinking": false}']
    done = subprocess.run([swiftlet, "template", "--template", template, "--messages", tmp_path / "messages.json", *arguments],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "T/D/False/Hi", done.stderr
    model = tiny(tmp_path, "{{ tools[0].name }}/{{ documents[0].text }}/{{ enable_thinking }}/{{ messages[0].content }}")
    plain = tiny(tmp_path, "T/D/False/Hi")
    counts = {}
    for name, path, more in [("variables", model, arguments), ("text", plain, [])]:
        for command in [["run", path, "--prompt", "Hi", "--json"], ["run", path, "--prompt", "Hi"], ["chat", path]]:
            result = subprocess.run([swiftlet, *command, *more, "--temperature", "0", "--max-tokens", "8"], capture_output=True,
                                    text=True, timeout=60, input="Hi\n")
            assert result.returncode == 0 and result.stderr == "", result.stderr
            output = json.loads(result.stdout)["tokens"] if "--json" in command else result.stdout
            counts.setdefault(" ".join([command[0], str("--json" in command)]), []).append(output)
    assert all(first == second for first, second in counts.values())
    for bad, words in [("[1]", "expected a JSON object"), ("{", "at byte")]:
        result = subprocess.run([swiftlet, "run", model, "--prompt", "Hi", "--variables", bad], capture_output=True, text=True, timeout=60)
        assert result.returncode == 1 and words in result.stderr
    raw = subprocess.run([swiftlet, "run", model, "--prompt", "Hi", "--raw", "--variables", "{}"], capture_output=True, timeout=60)
    assert raw.returncode == 64


def test_a_model_without_a_template_says_how_it_is_written_to(swiftlet, tmp_path):
    model = tiny(tmp_path, None)
    result = run(swiftlet, str(model), "--prompt", "Hi", "--max-tokens", "2")
    assert result.returncode == 0 and "no chat template, so conversations are written as ChatML" in result.stderr
    shown = subprocess.run([swiftlet, "show", model], capture_output=True, text=True, timeout=60)
    assert "none; ChatML is used" in shown.stdout and "no chat template" in shown.stdout
    facts = json.loads(subprocess.run([swiftlet, "show", model, "--json"], capture_output=True, text=True, timeout=60).stdout)
    assert (facts["has_chat_template"], facts["default_template"]) == (False, "ChatML")
    (tmp_path / "m.json").write_text('[{"role": "user", "content": "Hi"}]')
    written = subprocess.run([swiftlet, "template", "--model", model, "--messages", tmp_path / "m.json"], capture_output=True, text=True, timeout=60)
    assert written.stdout == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def tiny(folder, template):
    """A model of some hundred kilobytes with this chat template."""
    return write(folder / f"model-{len(list(folder.iterdir()))}.gguf", "llama", Q.Q8_0, template=template)
