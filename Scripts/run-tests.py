#!/usr/bin/env python3
"""Runs every suite, goes on when one fails, and closes with one line of sums: 'N passed, N failed, N skipped'.

    python3 Scripts/run-tests.py --models FOLDER [--only swift,web,python]

The exit code is 0 only when every suite ran and nothing failed. In CI (the variable CI is set) a compiler warning in
the project's own sources fails the run too.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NODE_LINE = re.compile(r"^(?:#|ℹ) (pass|fail|skipped|cancelled) (\d+)$")
PYTEST_LINE = re.compile(r"^=+ .*\b\d+ (?:passed|failed|skipped|error).* in [\d.]+s.*=+$")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?)")
SWIFT_TEST = re.compile(r"^\S+ +Test (?!run\b|case\b).*?(?:(passed|failed) after [\d.]+ seconds|(skipped))")
WARNING = re.compile(r"(?:Sources|Tests)/\S+:\d+:\d+: warning:")


class Totals:
    """What the suites counted, and which of them could not be trusted to have run."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.broken = []


def run(title, command, env, on_line):
    """Runs a command, shows its output as it comes, hands each line to `on_line`, and returns the exit code.

    What it leaves in its temporary folder (models, browsers' profiles) goes when it ends, whatever it was.
    """
    print(f"\n== {title}: {' '.join(map(str, command))}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="swiftlet-tests-", ignore_cleanup_errors=True) as folder, \
            subprocess.Popen(command, cwd=ROOT, env={**env, "TMPDIR": folder}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            on_line(line.rstrip("\n"))
    print(f"== {title}: exit {process.returncode} after {time.monotonic() - start:.0f} s", flush=True)
    return process.returncode


def build(totals, env):
    """Builds the program, the library and all test targets in one go; false when that failed."""
    warnings = []
    code = run("build", ["swift", "build", "-c", "release", "--build-tests"], env,
               lambda line: warnings.append(line) if WARNING.search(line) and "/checkouts/" not in line else None)
    if code != 0:
        totals.broken.append("the build failed")
    elif warnings and os.environ.get("CI"):
        totals.broken.append(f"the build gave {len(warnings)} warnings")
    return code == 0


class SiteBuild:
    """Builds the page and its modules meanwhile: much of either build runs on one core."""

    def __init__(self, env):
        self.start = time.monotonic()
        self.output = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(["Scripts/build-site.sh"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=subprocess.STDOUT)

    def finish(self, totals):
        """Waits for it and shows what it said."""
        code = self.process.wait()
        self.output.seek(0)
        print(f"\n== site: Scripts/build-site.sh\n{self.output.read()}== site: exit {code} after "
              f"{time.monotonic() - self.start:.0f} s", flush=True)
        if code != 0:
            totals.broken.append("site build")


def run_swift(totals, env):
    """Swift Testing, over the products that `build` made."""
    before = totals.passed + totals.failed + totals.skipped

    def count(line):
        if match := SWIFT_TEST.match(line):
            outcome = match.group(1) or match.group(2)
            setattr(totals, outcome, getattr(totals, outcome) + 1)

    failed_before = totals.failed
    # One after the other: some tests measure the process's memory or time, which others beside them would disturb.
    code = run("swift", ["swift", "test", "-c", "release", "--skip-build", "--disable-xctest", "--no-parallel"], env,
               count)
    if totals.passed + totals.failed + totals.skipped == before or (code != 0 and totals.failed == failed_before):
        totals.broken.append("swift did not run to its end")


def run_web(totals, env):
    """The JavaScript modules, in Node's own test runner."""
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "Tests/Web").glob("**/*.test.*js"))
    if not tests:
        return
    if not shutil.which("node"):
        print("SKIPPED: node is not installed, so Tests/Web does not run")
        totals.skipped += len(tests)
        return
    names = {"pass": "passed", "fail": "failed", "cancelled": "failed", "skipped": "skipped"}
    counts = {}

    def count(line):
        if match := NODE_LINE.match(line):
            counts[match.group(1)] = int(match.group(2))

    code = run("web", ["node", "--test", *tests], env, count)
    for key, name in names.items():
        setattr(totals, name, getattr(totals, name) + counts.get(key, 0))
    if not counts or (code != 0 and not counts.get("fail") and not counts.get("cancelled")):
        totals.broken.append("web did not run to its end")


def run_python(totals, env):
    """Everything that is driven from outside: parity with the oracles, the terminal, Wasm in Node and Deno, the browser."""
    # Several at once: a test often waits, or uses one core. A browser's test waits most of its time.
    two, three = ([f"--numprocesses={count}", "--dist=worksteal"] for count in (2, 3))
    for title, name, *options in [("parity", "Parity", *two), ("terminal", "Terminal", *two), ("wasm", "Wasm"),
                                  ("deno", "Deno", *two), ("server", "Server"),
                                  ("browser", "Browser", "-m", "not alone", *three),
                                  ("browser alone", "Browser", "-m", "alone")]:
        folder = ROOT / "Tests" / name
        if not list(folder.glob("**/test_*.py")):
            continue
        counts = {}

        def count(line):
            if PYTEST_LINE.match(line):
                counts.update({kind.removesuffix("s") if kind.startswith("error") else kind: int(number)
                               for number, kind in PYTEST_COUNT.findall(line)})

        code = run(title, [sys.executable, "-m", "pytest", "-raR", "-p", "no:cacheprovider",
                                  "--color=no", "-o", "console_output_style=classic", "--no-header",
                                  *options, f"Tests/{name}"], {**env, "PYTHONDONTWRITEBYTECODE": "1"}, count)
        totals.passed += counts.get("passed", 0)
        totals.failed += counts.get("failed", 0) + counts.get("error", 0)
        totals.skipped += counts.get("skipped", 0)
        if not counts or (code != 0 and not counts.get("failed") and not counts.get("error")):
            totals.broken.append(f"{title} did not run to its end")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=".build-models", help="folder with smollm2.gguf and gemma3.gguf")
    parser.add_argument("--only", default="swift,web,python", help="comma-separated: swift, web, python")
    arguments = parser.parse_args()
    only = arguments.only.split(",")

    env = dict(os.environ)
    env["SWIFTLET_TEST_MODELS"] = str(pathlib.Path(arguments.models).resolve())
    env["SWIFTLET_BIN"] = str(ROOT / ".build/release/swiftlet")
    env["SWIFTLET_WEB"] = str(ROOT / "Web/dist")
    if "SWIFTLET_TEST_DATA" not in env:
        print("SKIPPED: SWIFTLET_TEST_DATA is not set, so the tests over its vocabularies and templates do not run")

    totals = Totals()
    site = SiteBuild(env) if "web" in only or "python" in only else None
    is_built = build(totals, env)
    if site:
        site.finish(totals)
    if is_built:
        for name, suite in [("swift", run_swift), ("web", run_web), ("python", run_python)]:
            if name in only:
                suite(totals, env)

    for reason in totals.broken:
        print(f"FAILED: {reason}")
    print(f"{totals.passed} passed, {totals.failed + len(totals.broken)} failed, {totals.skipped} skipped")
    sys.exit(1 if totals.failed or totals.broken else 0)


if __name__ == "__main__":
    main()
