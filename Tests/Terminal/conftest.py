import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from terminal import Terminal  # noqa: E402


@pytest.fixture(scope="session")
def swiftlet():
    """The program under test."""
    path = os.environ.get("SWIFTLET_BIN")
    if not path:
        pytest.skip("SWIFTLET_BIN is not set: it names the program under test")
    return path


@pytest.fixture(scope="session")
def quick():
    """The Quick model's file."""
    folder = os.environ.get("SWIFTLET_TEST_MODELS")
    if not folder:
        pytest.skip("SWIFTLET_TEST_MODELS is not set: it names the folder with the real models")
    return str(pathlib.Path(folder) / "smollm2.gguf")


@pytest.fixture
def terminal(swiftlet):
    """Starts the program in a terminal; all are closed at the test's end."""
    started = []

    def start(*arguments, **options):
        started.append(Terminal([swiftlet, *arguments], **options))
        return started[-1]

    yield start
    for each in started:
        each.close()
