#!/usr/bin/env python3
"""What each part of a module weighs: the code of its functions by the folder of their sources, and what is beside code.

    SWIFTLET_WASM_NAMES=1 Scripts/wasm/build.sh FOLDER && python3 Scripts/wasm/sizes.py FOLDER/swiftlet.wasm

Functions belong to the type that their name begins with; what the compiler makes of the standard library is a part of its own.
Shares of the size with gzip are those of the bytes before it.
"""

import collections
import gzip
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE, DATA, CUSTOM, IMPORTS = 10, 11, 0, 2
DECLARATION = re.compile(r"^\s*(?:\w+ |@\S+ )*(?:struct|class|enum|extension|protocol) (\w+)", re.MULTILINE)
FUNCTION = re.compile(r"^(?:\w+ |@\S+ )*func (\w+)", re.MULTILINE)
C_FUNCTION = re.compile(r"^(panel|rows|attend|ck)_\w+$")


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def number(self):
        result = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result

    def bytes(self):
        count = self.number()
        self.at += count
        return self.data[self.at - count:self.at]


def sections(data):
    """Of each section its number and its bytes."""
    reader = Reader(data, 8)
    while reader.at < len(data):
        kind = reader.number()
        yield kind, reader.bytes()


def imported_functions(body):
    reader, functions = Reader(body), 0
    for _ in range(reader.number()):
        reader.bytes(), reader.bytes()
        kind = reader.number()
        if kind == 0:
            functions += 1
            reader.number()
        elif kind == 3:
            reader.at += 2
        else:
            reader.at += kind == 1
            flags = reader.number()
            reader.number()
            if flags & 1:
                reader.number()
    return functions


def function_names(body):
    reader, names = Reader(body), {}
    if reader.bytes() != b"name":
        return names
    while reader.at < len(body):
        kind, part = reader.number(), Reader(reader.bytes())
        if kind == 1:
            for _ in range(part.number()):
                index = part.number()
                names[index] = part.bytes().decode()
    return names


def function_sizes(data):
    """Of each function its mangled name and the bytes of its code."""
    first, sizes, names = 0, [], {}
    for kind, body in sections(data):
        if kind == IMPORTS:
            first = imported_functions(body)
        elif kind == CODE:
            reader = Reader(body)
            sizes = [len(reader.bytes()) for _ in range(reader.number())]
        elif kind == CUSTOM:
            names.update(function_names(body))
    if not names:
        sys.exit("The module has no names: build it with SWIFTLET_WASM_NAMES=1.")
    return [(names.get(first + index, "?"), size) for index, size in enumerate(sizes)]


def folders():
    """Of each type, and of each function outside of types, the folder of its sources."""
    found = {}
    for path in sorted(ROOT.glob("Sources/*/**/*.swift")):
        text, folder = path.read_text(), str(path.parent.relative_to(ROOT / "Sources"))
        for name in DECLARATION.findall(text) + FUNCTION.findall(text):
            found.setdefault(name, folder)
    # Types of the standard library that are extended here.
    return {name: folder for name, folder in found.items() if name not in {"Array", "String", "StaticString", "UnsafeRawBufferPointer"}}


def part_of(mangled, readable, known):
    if not mangled.startswith("$"):
        return "CKernels" if C_FUNCTION.match(mangled) else "C runtime and compiler"
    for word in re.findall(r"\w+", re.sub(r"<.*?>", "", readable)):
        if word in known:
            return known[word]
    return "standard library"


def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    sizes = function_sizes(data)
    command = ["swift", "demangle", "--simplified"]
    readable = subprocess.run(command, input="\n".join(name for name, _ in sizes), capture_output=True, text=True,
                              check=True).stdout.split("\n")
    known, parts = folders(), collections.Counter()
    for (name, size), text in zip(sizes, readable):
        parts[part_of(name, text, known)] += size
    parts["data"] = sum(len(body) for kind, body in sections(data) if kind == DATA)
    whole = sum(parts.values())
    packed = len(gzip.compress(b"".join(body for kind, body in sections(data) if kind != CUSTOM), 9))
    print("| part | KB | of the size with gzip |\n| --- | --- | --- |")
    for part, size in parts.most_common():
        print(f"| {part} | {size / 1000:.0f} | {size * packed / whole / 1000:.0f} |")
    print(f"| all | {whole / 1000:.0f} | {packed / 1000:.0f} |")


if __name__ == "__main__":
    main()
