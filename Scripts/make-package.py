#!/usr/bin/env python3
"""Makes the npm package of the JavaScript API from the built site (Scripts/build-site.sh).

    python3 Scripts/make-package.py [--site Web/dist] [--out .build-package]

In the folder `package` below --out lies what the package has: `package.json`, the modules that its exports lead to, their type
declarations, the WebAssembly modules and the license; the chat page stays out. `npm pack` makes the archive of it, if there
is npm, and its path is the last line printed.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What one module wants of another: `from './x.js'`, `import('./x.js')`, `new URL('./x.wasm', import.meta.url)`.
REFERENCES = re.compile(r"""(?:from|import\(|import|new URL\()\s*['"](\.{1,2}/[^'"]+\.(?:js|wasm|wgsl))['"]""")


def entries(manifest):
    """The modules that the package's exports name."""
    for target in manifest["exports"].values():
        path = target if isinstance(target, str) else target["default"]
        if path.endswith(".js"):
            yield path.removeprefix("./")


def needed(site, starts):
    """The given files of the site and all that they lead to."""
    found = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = site / name
        if not path.is_file():
            sys.exit(f"{name}: expected it in {site}; `make web` builds the site")
        found.add(name)
        if path.suffix == ".js":
            for reference in REFERENCES.findall(path.read_text()):
                waiting.append((path.parent / reference).resolve().relative_to(site.resolve()).as_posix())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=pathlib.Path, default=ROOT / "Web/dist")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / ".build-package")
    arguments = parser.parse_args()

    manifest = json.loads((ROOT / "Web/package.json").read_text())
    package = arguments.out / "package"
    shutil.rmtree(arguments.out, ignore_errors=True)
    for name in sorted(needed(arguments.site, entries(manifest))):
        if name.startswith(("page/", "vendor/")):
            sys.exit(f"{name}: the API must not need the chat page")
        target = package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(arguments.site / name, target)
        types = (ROOT / "Web" / name).with_suffix(".d.ts")
        if types.is_file():
            shutil.copyfile(types, target.with_suffix(".d.ts"))
    shutil.copyfile(ROOT / "Web/package.json", package / "package.json")
    shutil.copyfile(ROOT / "Documentation/JavaScript.md", package / "README.md")
    shutil.copyfile(ROOT / "LICENSE", package / "LICENSE")
    print(f"{package}: {sum(path.is_file() for path in package.rglob('*'))} files")
    if not shutil.which("npm"):
        print("npm is not installed, so there is no archive")
        return
    packed = subprocess.run(["npm", "pack", "--json", "--pack-destination", str(arguments.out.resolve())], cwd=package,
                            check=True, capture_output=True, text=True)
    print(arguments.out.resolve() / json.loads(packed.stdout)[0]["filename"])


if __name__ == "__main__":
    main()
