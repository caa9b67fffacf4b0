"""What the machine can do at most, and a program that keeps one of its cores busy."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def cores():
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count()))


def limits(threads):
    """Bytes read and 8-bit operations a second, as machine.c measures them; empty without a C compiler."""
    source = pathlib.Path(__file__).with_name("machine.c")
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "machine"
        try:
            subprocess.run(["clang", "-O2", source, "-o", program, "-lpthread"], check=True)
            return json.loads(subprocess.run([program, str(threads)], check=True, capture_output=True).stdout)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"SKIPPED: the machine's limits, since machine.c does not run here: {error}", file=sys.stderr)
            return {}


def processor():
    """The processor's name, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


@contextlib.contextmanager
def busy_core():
    """Meanwhile another program computes on the last core without a pause."""
    pin = f"import os; os.sched_setaffinity(0, [{cores()[-1]}])\n" if hasattr(os, "sched_setaffinity") else ""
    process = subprocess.Popen([sys.executable, "-c", pin + "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
