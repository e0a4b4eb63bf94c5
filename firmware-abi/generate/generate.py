#!/usr/bin/env python3
"""Writes what is made from rdl/weir.rdl: the Rust registers, their documentation and the RTL's register block.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py            write the files
    venv/bin/python generate.py --check    write nothing; exit 1 and show the difference if a file is stale

rustfmt must be on the path: the Rust is committed as it formats it.
"""

import argparse
import difflib
import pathlib
import subprocess
import sys

import page
import registers
import rtl
import rust

CRATE = pathlib.Path(__file__).resolve().parent.parent
ROOT = CRATE.parent


def formatted(text):
    """As rustfmt lays it out, by the workspace's rules."""
    run = subprocess.run(["rustfmt", "--edition", "2024", "--emit", "stdout"], input=text, text=True, capture_output=True, cwd=ROOT)
    if run.returncode:
        sys.exit(run.stderr)
    return run.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    map_ = registers.load(CRATE / "rdl" / "weir.rdl")
    block, table = rust.generate(map_)
    files = {
        CRATE / "src" / "registers.rs": formatted(block),
        CRATE / "src" / "registers" / "table.rs": formatted(table),
        ROOT / "docs" / "registers.md": page.generate(map_),
    }
    for name, text in rtl.generate(CRATE / "rdl" / "weir.rdl", map_).items():
        files[ROOT / "rtl" / f"{name}.sv"] = text
    stale = False
    for path, text in files.items():
        old = path.read_text() if path.exists() else ""
        name = str(path.relative_to(ROOT))
        if old == text:
            continue
        if arguments.check:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, name + " (generated)"))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
