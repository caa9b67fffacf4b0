"""Models in several files, as the `gguf` package writes them, say what they say in one."""

import json
import shutil
import subprocess

import pytest
from tiny_gguf import Q, write

PROMPT = "The way to the sea is long. "


def run(swiftlet, *arguments):
    return subprocess.run([swiftlet, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def answer(swiftlet, model):
    done = run(swiftlet, "run", model, "--raw", "--temperature", "0", "--max-tokens", "16", "--json", "--prompt", PROMPT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["tokens"]


@pytest.fixture
def parts(tmp_path):
    return write(tmp_path / "tiny.gguf", kind=Q.Q8_0, split=5)


@pytest.mark.parametrize("family", ["llama", "gemma3", "lfm2"])
def test_all_parts_say_what_one_file_says(swiftlet, tmp_path, family):
    whole = write(tmp_path / "whole.gguf", family, Q.Q8_0)
    parts = write(tmp_path / "tiny.gguf", family, Q.Q8_0, split=5)
    assert len(parts) > 2
    expected = answer(swiftlet, whole)
    # Any part stands for the model.
    for part in [parts[0], parts[-1]]:
        assert answer(swiftlet, part) == expected
    shown = json.loads(run(swiftlet, "show", parts[0], "--json").stdout)
    assert shown["paths"] == [str(part) for part in parts]
    assert shown["file_bytes"] == sum(part.stat().st_size for part in parts)
    assert "unsupported" not in shown


def test_a_folder_with_one_model_stands_for_it(swiftlet, parts):
    assert answer(swiftlet, f"{parts[0].parent}/") == answer(swiftlet, parts[0])
    shutil.copy(parts[0], parts[0].parent / "other.gguf")
    done = run(swiftlet, "show", f"{parts[0].parent}/")
    assert done.returncode != 0
    assert "other.gguf" in done.stderr and parts[0].name in done.stderr


def test_a_missing_part_is_named(swiftlet, parts):
    parts[1].unlink()
    done = run(swiftlet, "show", parts[0])
    assert done.returncode != 0
    assert parts[1].name in done.stderr and parts[2].name not in done.stderr


def test_parts_of_other_models_are_named(swiftlet, tmp_path, parts):
    (tmp_path / "other").mkdir()
    # As many tensors, in as many files, and some more of them.
    alike = write(tmp_path / "other" / "alike.gguf", "lfm2", Q.Q8_0, split=5)
    other = write(tmp_path / "other" / "other.gguf", "qwen2", Q.Q8_0, split=7)
    assert len(alike) == len(other) == len(parts)
    name = parts[1].name
    cases = [(parts[2], "part 2", "expected part 2 of"), (alike[1], "part ", "twice"), (other[1], "part 2", "a part of the same model"),
             (None, "part 2", "expected the magic")]
    for source, place, text in cases:
        content = source.read_bytes() if source else b"version https://git-lfs.github.com/spec/v1\n"
        (tmp_path / name).write_bytes(content)
        done = run(swiftlet, "show", parts[0])
        assert done.returncode != 0
        assert place in done.stderr and text in done.stderr, done.stderr
