#!/usr/bin/env python3
"""Renders the snippets of Tests/Parity/template_snippets.py with jinja2 into Tests/Fixtures/template-snippets.json.

The Swift tests compare with that file. Run it with a Python that has jinja2 after changing the snippets.
"""

import copy
import datetime
import json
import pathlib
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/Parity"))

from reference_template import environment  # noqa: E402
from template_snippets import BLOCKS, DATA, ERRORS, SNIPPETS  # noqa: E402

# What the Swift tests give as the time.
NOW = datetime.datetime(2026, 3, 7, 15, 4, 9)


def main():
    warnings.simplefilter("ignore")
    jinja = environment(NOW)

    def render(template):
        # Some operations of jinja2 change their operands.
        return jinja.from_string(template).render(**copy.deepcopy(DATA))

    failing = []
    for template in ERRORS:
        try:
            found = render(template)
        except Exception:
            failing.append(template)
        else:
            sys.exit(f"expected an error, found {found!r} from {template!r}")
    rendered = [{"template": template, "expected": render(template)} for template in SNIPPETS + BLOCKS]
    path = ROOT / "Tests/Fixtures/template-snippets.json"
    content = {"variables": DATA, "rendered": rendered, "failing": failing}
    path.write_text(json.dumps(content, ensure_ascii=True, indent=1) + "\n")
    print(f"{len(rendered)} rendered and {len(failing)} failing snippets in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
