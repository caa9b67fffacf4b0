#!/usr/bin/env python3
"""Brings the libraries under Web/vendor and the specification examples under Tests/Fixtures to the versions named here.

    Scripts/update-vendored.py                       # fetches each library's commit from its repository
    Scripts/update-vendored.py --clones DIR          # takes DIR/OWNER+NAME/repo, clones made before, instead
    Scripts/update-vendored.py temml highlight       # only these

Needs git and esbuild (Debian has it), which makes one ES module of each library. The result is the same on every
machine; to take a new version, change its version and commit below, run this, read the difference, and run the tests
under Tests/Web.
"""

import argparse
import html.entities
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENDOR = ROOT / "Web/vendor"
FIXTURES = ROOT / "Tests/Fixtures"

# Name → repository, version, and the commit that is taken.
SOURCES = {
    "markdown-it": ("markdown-it/markdown-it", "15.0.0", "157b33bc13649aebecf9ab9b3b8c85ae645abb5a"),
    "temml": ("ronkok/Temml", "0.13.4", "1fd377126bd2f5de19b55fb0966c7b94cd8f2e8b"),
    "highlight": ("highlightjs/cdn-release", "11.9.0", "791ba94e3f137171495b7f22aaa27766fdf3e7f1"),
    "cmark-gfm": ("github/cmark-gfm", "0.29.0.gfm.0", "b8eb2e00de094999f978e9cb02b1a78d810812d3"),
}
LICENSES = {
    "markdown-it": "MIT",
    "temml": "MIT; its fonts SIL OFL 1.1 and GUST Font License",
    "highlight": "BSD-3-Clause",
}

# markdown-it's own dependencies, replaced by what every browser has: Unicode classes of regular expressions, and a hook
# for the table of named characters, which is loaded when a text needs it. Link handling is the page's.
MARKDOWN_SHIMS = """
export const P = /\\p{P}/u;
export const S = /\\p{S}/u;
let decode = (text) => text;
export const decodeHTMLStrict = (text) => decode(text);
export const setEntityDecoder = (decoder) => { decode = decoder; };
export class LinkifyIt {}
export default {};
"""
MARKDOWN_ENTRY = "export { default } from './src/index.ts';\nexport { setEntityDecoder } from 'entities';\n"
MARKDOWN_DEPENDENCIES = ["mdurl", "uc.micro", "entities", "linkify-it", "punycode.js"]

# Beside the languages of highlight.js's common build.
MORE_LANGUAGES = ["cmake", "dart", "dockerfile", "elixir", "haskell", "julia", "latex", "matlab", "nginx", "powershell",
                  "scala", "x86asm"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names or BUILDERS:
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder)
            if name in SOURCES:
                take_source(name, source, arguments.clones)
            BUILDERS[name](source)
            print(f"{name} is up to date")


def take_source(name, folder, clones):
    """The files of a library's commit, in `folder`."""
    repository, _, commit = SOURCES[name]
    if clones:
        clone = clones / repository.replace("/", "+") / "repo"
    else:
        clone = folder / ".clone"
        run("git", "init", "--quiet", clone)
        run("git", "-C", clone, "fetch", "--quiet", "--depth", "1", f"https://github.com/{repository}", commit)
    archive = folder / "source.tar"
    run("git", "-C", clone, "archive", "--output", archive, commit)
    shutil.unpack_archive(archive, folder, filter="data")


def run(*command, **options):
    words = [str(part) for part in command]
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def bundle(entry, output, *options):
    """One minified ES module of an entry module."""
    output.parent.mkdir(parents=True, exist_ok=True)
    run("esbuild", entry, "--bundle", "--format=esm", "--minify", "--target=es2022", "--charset=utf8",
        "--legal-comments=none", "--log-level=error", f"--outfile={output}", *options, cwd=entry.parent)


def describe(name, license_file):
    repository, version, commit = SOURCES[name]
    shutil.copyfile(license_file, VENDOR / name / "LICENSE")
    (VENDOR / name / "VERSION").write_text(
        f"{repository} {version}\ncommit {commit}\nlicense {LICENSES[name]}\nmade by Scripts/update-vendored.py\n")


def markdown_it(source):
    (source / "shims.js").write_text(MARKDOWN_SHIMS)
    (source / "entry.js").write_text(MARKDOWN_ENTRY)
    aliases = [f"--alias:{dependency}=./shims.js" for dependency in MARKDOWN_DEPENDENCIES]
    bundle(source / "entry.js", VENDOR / "markdown-it/markdown-it.js", *aliases)
    describe("markdown-it", source / "LICENSE")
    examples = spec_examples((source / "test/fixtures/commonmark/spec.txt").read_text())
    write_examples("commonmark", "CommonMark 0.31.2, John MacFarlane, CC BY-SA 4.0", examples)


def temml(source):
    bundle(source / "temml.js", VENDOR / "temml/temml.js")
    for font in ["Temml.woff2", "latinmodernmath.woff2", "GUST-FONT-LICENSE.txt"]:
        shutil.copyfile(source / "site/assets" / font, VENDOR / "temml" / font)
    shutil.copyfile(source / "dist/Temml-Latin-Modern.css", VENDOR / "temml/temml.css")
    describe("temml", source / "LICENSE")


def highlight(source):
    languages = source / "build/es/languages"
    lines = ["import hljs from './build/es/highlight.min.js';"]
    for index, language in enumerate(MORE_LANGUAGES):
        lines.append(f"import language{index} from './build/es/languages/{language}.min.js';")
        lines.append(f"hljs.registerLanguage('{language}', language{index});")
        if not (languages / f"{language}.min.js").is_file():
            raise SystemExit(f"highlight.js has no language “{language}”")
    (source / "entry.js").write_text("\n".join([*lines, "export default hljs;", ""]))
    bundle(source / "entry.js", VENDOR / "highlight/highlight.js")
    describe("highlight", source / "LICENSE")


def entities(_):
    """Python carries the HTML Standard's table; only names with their semicolon count in Markdown."""
    names = {name[:-1]: text for name, text in sorted(html.entities.html5.items()) if name.endswith(";")}
    folder = VENDOR / "entities"
    folder.mkdir(parents=True, exist_ok=True)
    table = json.dumps(names, ensure_ascii=True, separators=(",", ":"))
    (folder / "entities.js").write_text(f"export default {table};\n")
    (folder / "VERSION").write_text(
        "the named character references of the HTML Standard, as Python's html.entities has them\n"
        "made by Scripts/update-vendored.py\n")
    (folder / "LICENSE").write_text(
        "The names are those of the HTML Standard, https://html.spec.whatwg.org/.\n"
        "Copyright © WHATWG (Apple, Google, Mozilla, Microsoft). Creative Commons Attribution 4.0.\n")


def cmark_gfm(source):
    """The examples of what GFM adds to CommonMark."""
    examples = spec_examples((source / "test/spec.txt").read_text())
    added = [example for example in examples if "(extension)" in example["section"]]
    write_examples("gfm", "GitHub Flavored Markdown 0.29, GitHub and John MacFarlane, CC BY-SA 4.0", added)


def spec_examples(text):
    """The examples of a specification's text, numbered as in its published form."""
    examples = []
    section = ""
    pattern = re.compile(r"^`{32} example([^\n]*)\n(.*?)^\.\n(.*?)^`{32}$|^#{1,6} +([^\n]*)$", re.MULTILINE | re.DOTALL)
    for match in pattern.finditer(text):
        if match.group(4) is not None:
            section = match.group(4).strip()
        else:
            markdown, expected = (part.replace("→", "\t") for part in match.group(2, 3))
            examples.append({"example": len(examples) + 1, "section": section, "markdown": markdown, "html": expected})
    return examples


def write_examples(name, source, examples):
    lines = ",\n".join(json.dumps(example, ensure_ascii=False) for example in examples)
    (FIXTURES / f"{name}-examples.json").write_text(f'{{"source": {json.dumps(source)}, "examples": [\n{lines}\n]}}\n')


BUILDERS = {"markdown-it": markdown_it, "temml": temml, "highlight": highlight, "entities": entities,
            "cmark-gfm": cmark_gfm}

if __name__ == "__main__":
    main()
