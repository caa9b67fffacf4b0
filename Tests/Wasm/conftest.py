"""What the tests of the browser modules share: Node, the modules, the native program, and models.

SWIFTLET_WEB is the built site, SWIFTLET_BIN the native program, SWIFTLET_TEST_MODELS a folder with smollm2.gguf,
SWIFTLET_TEST_DATA a folder with vocab/ and tools/. What is missing skips tests, and they say so.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "Browser"), str(HERE.parent / "Parity")]


def path_of(variable, *parts):
    """A file below the folder that an environment variable names; skips the test when it is not there."""
    folder = os.environ.get(variable)
    path = pathlib.Path(folder or "", *parts)
    if not folder or not path.exists():
        pytest.skip(f"{variable} is not set, or has no {'/'.join(parts)}")
    return path


@pytest.fixture(scope="session")
def node():
    """A function that runs a script of this folder in Node and gives the JSON values that it prints, one a line."""
    if not shutil.which("node"):
        pytest.skip("node is not installed, so the Wasm modules are not run")

    # Relaxed SIMD is behind a flag in Node 20, and its baseline compiler gets one instruction wrong, which the
    # optimizing one does not.
    def run(script, *arguments, stdin=None, timeout=600, compiler="--no-liftoff"):
        done = subprocess.run(["node", "--experimental-wasm-relaxed-simd", *compiler.split(), HERE / script, *map(str, arguments)], timeout=timeout, text=True,
                              input=None if stdin is None else json.dumps(stdin), capture_output=True)
        assert done.returncode == 0, f"{script} failed:\n{done.stdout}\n{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture(scope="session", params=["swiftlet.wasm", "swiftlet-threads.wasm"])
def module(request):
    """Each of the two modules in turn."""
    return path_of("SWIFTLET_WEB", request.param)


@pytest.fixture(scope="session")
def quick():
    return path_of("SWIFTLET_TEST_MODELS", "smollm2.gguf")


@pytest.fixture(scope="session")
def made_model(tmp_path_factory):
    """A function that writes a small model with random weights: made_model("gemma3", "F32", "ggml-vocab-llama-spm")."""
    folder = tmp_path_factory.mktemp("models")

    def get(architecture, kind, vocabulary):
        path = folder / f"{architecture}-{kind}.gguf"
        if not path.exists():
            tool = path_of("SWIFTLET_TEST_DATA", "tools", "make_model.py")
            vocab = path_of("SWIFTLET_TEST_DATA", "vocab", f"{vocabulary}.gguf")
            subprocess.run([sys.executable, tool, path, "--arch", architecture, "--type", kind, "--vocab", vocab],
                           check=True, capture_output=True, timeout=300)
        return path

    yield get
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def native():
    """A function that lets the native program continue a text greedily: native(model, prompt, tokens, threads)."""
    program = path_of("SWIFTLET_BIN")

    def run(model, prompt, tokens, threads=1):
        done = subprocess.run([program, "run", model, "--prompt", prompt, "--raw", "--temperature", "0", "--max-tokens",
                               str(tokens), "--threads", str(threads), "--json"],
                              capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
