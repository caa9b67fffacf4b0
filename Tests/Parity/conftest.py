"""What the parity tests share: the program under test, the real models, and llama.cpp as the oracle.

SWIFTLET_BIN is the program, SWIFTLET_TEST_MODELS a folder with smollm2.gguf, gemma3.gguf and minilm.gguf, SWIFTLET_TEST_DATA a
folder with vocab/. Tests whose files are missing are skipped, and say so.
"""

import os
import pathlib
import subprocess
import sys

import pytest

from oracle import Oracle


@pytest.fixture(scope="session")
def oracle():
    """A function that gives the Oracle of a model: oracle(path, context=2048, threads=2). Kept for the session."""
    running = {}

    def get(model, context=2048, threads=2):
        key = (str(model), context, threads)
        if key not in running:
            running[key] = Oracle(model, context, threads)
        return running[key]

    yield get
    for server in running.values():
        server.close()


@pytest.fixture(scope="session")
def swiftlet():
    """A function that runs the program: swiftlet("tokenize", model, input=b"Hello") -> CompletedProcess."""
    program = os.environ.get("SWIFTLET_BIN")
    if not program or not pathlib.Path(program).exists():
        pytest.skip(f"SWIFTLET_BIN is not a program: {program}")

    def run(*arguments, input=b"", timeout=300):
        return subprocess.run([program, *map(str, arguments)], input=input, capture_output=True, timeout=timeout)

    return run


def _file(variable, name):
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} is not set")
    path = pathlib.Path(folder) / name
    if not path.exists():
        pytest.skip(f"{path} is missing")
    return path


@pytest.fixture(scope="session")
def real_model():
    """A function that gives the path of a real model: real_model("smollm2")."""
    return lambda name: _file("SWIFTLET_TEST_MODELS", f"{name}.gguf")


@pytest.fixture(scope="session")
def shared_file():
    """A function that gives the path of a file of the tests' data: shared_file("vocab/ggml-vocab-qwen2.gguf")."""
    return lambda name: _file("SWIFTLET_TEST_DATA", name)


@pytest.fixture(scope="session")
def made_model(shared_file, tmp_path_factory):
    """A function that writes a small model with random weights and a real vocabulary, and gives its path:
    made_model("--arch", "llama", vocabulary="qwen2"). Kept for the session."""
    made = {}

    def get(*arguments, vocabulary):
        key = (vocabulary, *arguments)
        if key not in made:
            path = tmp_path_factory.mktemp("made") / f"{vocabulary}.gguf"
            subprocess.run([sys.executable, shared_file("tools/make_model.py"), path, "--vocab",
                            shared_file(f"vocab/ggml-vocab-{vocabulary}.gguf"), *arguments], check=True)
            made[key] = path
        return made[key]

    yield get
    for path in made.values():
        path.unlink()
