"""Log-probabilities of the real models are no farther from those of their weights in F32 than llama.cpp's own."""

import os

import pytest

from accuracy import measure


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_the_error_is_no_larger_than_llama_cpps(name, swiftlet, real_model):
    found = measure(os.environ["SWIFTLET_BIN"], real_model(name))
    print(f"{name}: {found}")
    assert found.places > 400
    assert found.ours <= found.peers, found
