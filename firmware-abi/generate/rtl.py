"""The register block of the RTL and its package: PeakRDL-regblock's, with a few of its habits changed."""

import itertools
import pathlib
import re
import tempfile

from peakrdl_regblock import RegblockExporter
from peakrdl_regblock.cpuif.axi4lite import AXI4Lite_Cpuif_flattened
from peakrdl_regblock.udps import ALL_UDPS
from systemrdl import RDLCompiler

MODULE = "weir_regs"
PACKAGE = "weir_regs_pkg"
# BAR0's block is 4 KiB.
ADDRESS_BITS = 12
HEADER = """\
// Written from firmware-abi/rdl/weir.rdl by firmware-abi/generate (PeakRDL-regblock); do not edit.
//
"""


def generate(path, map_):
    """The texts of package and module, by name."""
    compiler = RDLCompiler()
    for udp in ALL_UDPS:
        compiler.register_udp(udp)
    compiler.compile_file(str(path))
    with tempfile.TemporaryDirectory() as folder:
        RegblockExporter().export(
            compiler.elaborate("weir"),
            folder,
            cpuif_cls=AXI4Lite_Cpuif_flattened,
            module_name=MODULE,
            package_name=PACKAGE,
            address_width=ADDRESS_BITS,
            default_reset_activelow=True,
            # What is refused is counted: it must be seen.
            err_if_bad_addr=True,
            err_if_bad_rw=True,
        )
        texts = {name: tidied((pathlib.Path(folder) / f"{name}.sv").read_text()) for name in (PACKAGE, MODULE)}
    texts[PACKAGE] = texts[PACKAGE].replace("endpackage\n", offsets(map_) + "endpackage\n")
    return texts


def offsets(map_):
    """The registers' numbers, for what stands around the block."""
    lines = ["", "    // Offsets of the registers; that of an array is its first register's."]
    for item in map_.registers:
        lines.append(f"    localparam logic [{ADDRESS_BITS - 1}:0] OFFSET_{item.name} = {ADDRESS_BITS}'h{item.offset:03x};")
    return "\n".join(lines) + "\n"


def tidied(text):
    """Packed structures throughout, so that every reader of the subset takes them; names for generated blocks;
    and decoder and read multiplexer under the condition that there is an access, for the simulator's sake."""
    text = text.replace("struct {", "struct packed {")
    text = re.sub(r"^( +\w+) (\w+)\[(\d+)\];$", lambda match: f"{match[1]} [{int(match[3]) - 1}:0] {match[2]};", text, flags=re.MULTILINE)
    blocks = itertools.count()
    text = re.sub(r"^( +for\(genvar .*\) begin)$", lambda match: f"{match[1]} : gen_{next(blocks)}", text, flags=re.MULTILINE)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    if "module weir_regs" in text:
        text = between(text, "        is_valid_rw = '0;\n", "        decoded_err = (", "decoded_reg_strb = '0;\n        if(cpuif_req_masked)")
        text = between(text, "        readback_data_var = '0;\n", "        readback_data = readback_data_var;", "if(decoded_req | external_pending)")
    return HEADER + text.rstrip("\n") + "\n"


def between(text, start, end, condition):
    """What lies between the two marks, which are there once, under a condition."""
    for mark in (start, end):
        if text.count(mark) != 1:
            raise SystemExit(f"PeakRDL-regblock's text has {text.count(mark)} places like {mark!r}, expected 1")
    before, rest = text.split(start)
    inside, after = rest.split(end)
    return f"{before}{start}        {condition} begin\n{inside}        end\n{end}{after}"
