"""Planted bugs that the model beside the RTL has to find: where nothing is proved.

All of them are in one copy of the sources, each behind a switch, so that one build serves all; lockstep then runs once
with none of them, which must agree, and once with each, which must not. `find` and `replace` are expressions.
"""

import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is built beside the sources, and everything that the tests do not need.
LEFT_OUT = {"target", ".git", "docs"}
# Frames in all, against small tables: seconds.
FRAMES = 40_000
TEST = "lockstep_frames"
CARGO = [
    *("test", "--locked", "-p", "weir", "-p", "weir-rtl-sim", "-p", "weir-tests"),
    *("--features", "weir/rtl,weir-rtl-sim/verilate,weir-tests/rtl", "--test", TEST),
]
SWITCH = "WEIR_RTL_PLANTED"
PLANTED = f'$c32("(std::getenv(\\"{SWITCH}\\") ? std::atoi(std::getenv(\\"{SWITCH}\\")) : 0)")'
SECONDS_MAX = 3600


def plant(mutants, folder, edited):
    """The workspace once more, with every bug in it."""
    shutil.rmtree(folder, ignore_errors=True)
    ignore = lambda parent, names: [name for name in names if name in LEFT_OUT and os.path.samefile(parent, ROOT)]
    shutil.copytree(ROOT, folder, ignore=ignore)
    for number, mutant in enumerate(mutants, 1):
        switched = f"({PLANTED} == 32'd{number} ? ({mutant['replace']}) : ({mutant['find']}))"
        path = folder / "rtl" / mutant["file"]
        path.write_text(edited(path.name, path.read_text(), {**mutant, "replace": switched}))


def lockstep(folder, number, arguments=()):
    """What cargo and the tests said, and whether they were content."""
    settings = {
        "WEIR_RTL_SLOTS_LOG2": "12",
        "WEIR_RTL_ENIS_LOG2": "6",
        "WEIR_LOCKSTEP_FRAMES": str(FRAMES),
        # What does not depend on the RTL is built once for both.
        "CARGO_TARGET_DIR": str(ROOT / os.environ.get("CARGO_TARGET_DIR", "target")),
        SWITCH: str(number),
    }
    command = [os.environ.get("CARGO", "cargo"), *CARGO, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, env=os.environ | settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {SECONDS_MAX} s", False
    return done.stdout, done.returncode == 0


def difference(text):
    """The first test that failed, and the first thing in which the two differ, in a line; None if no test did."""
    found = re.search(r"^thread '(\w+)'.* panicked at [^\n]*\n([^\n]+)", text, re.M)
    return f"{found[1]}: {found[2]}" if found else None
