import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# What makes small models.
sys.path.append(str(pathlib.Path(__file__).parents[1] / "Browser"))

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


@pytest.fixture
def unprivileged(swiftlet, tmp_path):
    """What a command begins with so that a file's mode counts for it, since root reads and writes everything."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root reads and writes everything, and setpriv is not installed")
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.geteuid() and str(folder).count("/") > 1:
            folder.chmod(0o755)
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*prefix, swiftlet, "--help"], capture_output=True).returncode != 0:
        pytest.skip("the build folder is not readable by other users")
    return prefix
