"""Fixtures of the tests in Deno: its WebGPU is Firefox's implementation (wgpu), here on Mesa's software driver for Vulkan.

So the engine is tried on a card of another kind than Chromium's. They need `SWIFTLET_WEB` (the built site, `Web/dist`), Deno and a
driver for Vulkan; without one of them every test here is skipped, aloud.
"""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# The server and the small models are the browser tests'; this folder's own modules come first.
sys.path += [str(ROOT / "Tests/Browser"), str(ROOT / "Tests/Parity")]

from site_server import SiteServer  # noqa: E402

SITE = pathlib.Path(os.environ.get("SWIFTLET_WEB", ROOT / "Web/dist"))
# Where Debian 12 and later versions say that the software driver is.
MANIFESTS = "/usr/share/vulkan/icd.d/lvp_icd*.json"


def find_deno():
    """The one of the tests' own Python packages, or another that is installed."""
    beside = shutil.which("deno", path=str(pathlib.Path(sys.executable).parent))
    return beside or shutil.which("deno")


def environment(folder):
    """For Deno: on Vulkan, since OpenGL makes another card of it, and on the software driver; other values may be set."""
    drivers = sorted(glob.glob(MANIFESTS))
    # The driver compiles kernels for four numbers at a time in a third of the time that eight take, and they are as fast.
    wanted = {"DENO_WEBGPU_BACKEND": "vulkan", "LP_NATIVE_VECTOR_WIDTH": "128"}
    if drivers:
        wanted["VK_ICD_FILENAMES"] = ":".join(drivers)
    # Modules are kept by their address, and a port may come again with others.
    return {**wanted, **os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "DENO_DIR": str(folder)}


@pytest.fixture(scope="session")
def deno(tmp_path_factory):
    """A function that runs a script of this folder in Deno and gives the JSON values that it prints, one a line."""
    program = find_deno()
    if not program:
        pytest.skip("Deno is not installed (Tests/requirements.txt has it), so nothing runs on its graphics card")
    if not (SITE / "swiftlet.wasm").is_file():
        pytest.skip(f"the site is not built ({SITE}); `make web` builds it")
    folder = tmp_path_factory.mktemp("deno")

    def run(script, *arguments, location="http://127.0.0.1/", stdin=None, timeout=600):
        command = [program, "run", "--quiet", "--unstable-webgpu", "--allow-all", "--reload", "--location", location, HERE / script]
        done = subprocess.run([*command, *map(str, arguments)], env=environment(folder), timeout=timeout, text=True,
                              input=json.dumps(stdin), capture_output=True)
        assert done.returncode == 0, f"{script} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    [card] = run("adapter.js")
    if not card:
        pytest.skip("there is no driver for Vulkan (Debian's package mesa-vulkan-drivers has one), so Deno has no graphics card")
    print(f"Deno's graphics card is {card}")
    yield run
    shutil.rmtree(folder)


@pytest.fixture
def site():
    """The site, with the models that a test puts into it."""
    server = SiteServer(SITE, {})
    yield server
    server.close()
