"""The register map as plain values, read from SystemRDL."""

import pathlib
from dataclasses import dataclass

from systemrdl import RDLCompiler
from systemrdl.node import RegfileNode, RegNode

BLOCK_BYTES = 4096
RING_TYPES = ("host_ring", "nic_ring")


@dataclass(frozen=True)
class Value:
    """One enumerated value of a field."""

    name: str
    value: int
    description: str


@dataclass(frozen=True)
class Enumeration:
    """The type of an enumerated field."""

    name: str
    values: tuple


@dataclass(frozen=True)
class Field:
    """Some bits of a register."""

    name: str
    msb: int
    lsb: int
    access: str
    reset: int
    description: str
    enumeration: Enumeration | None

    @property
    def width(self):
        return self.msb - self.lsb + 1


@dataclass(frozen=True)
class Register:
    """A register, or an array of them."""

    name: str
    type_name: str
    offset: int
    count: int
    access: str
    reset: int
    description: str
    volatile: bool
    counter: bool
    section: str
    fields: tuple

    @property
    def has_type(self):
        """Whether the fields say more than the register's value does."""
        return not (len(self.fields) == 1 and self.fields[0].lsb == 0 and self.fields[0].name == "value")


@dataclass(frozen=True)
class Map:
    """The whole map."""

    registers: tuple
    source_hash: int
    rings: tuple
    counters: tuple


def load(path):
    """Reads and checks the map."""
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    top = compiler.elaborate("weir").top
    registers, rings, counters = [], [], []
    section = ""
    for node in top.descendants(unroll=False):
        if isinstance(node, RegfileNode):
            section = node.get_property("section") or section
            if node.orig_type_name in RING_TYPES:
                rings.append(flat_name(node))
            if node.get_property("statistic"):
                counters.append((flat_name(node), describe(node)))
        elif isinstance(node, RegNode):
            section = node.get_property("section") or section
            registers.append(register(node, section))
    result = Map(tuple(registers), fnv1a(pathlib.Path(path).read_text()), tuple(rings), tuple(counters))
    check(result)
    return result


def flat_name(node):
    """`PUNT_CONSUMER`: the names from below the map down."""
    return "_".join(node.get_path_segments(array_suffix="", empty_array_suffix="")[1:])


def describe(node):
    """The descriptions from below the map down."""
    texts = []
    while node.parent is not None and node.parent.parent is not None:
        texts.insert(0, text(node))
        node = node.parent
    return " ".join(part for part in texts if part)


def text(node):
    description = node.get_property("desc")
    return " ".join(description.split()) if description else ""


def register(node, section):
    fields = tuple(read_field(item) for item in node.fields())
    statistic = isinstance(node.parent, RegfileNode) and node.parent.get_property("statistic")
    return Register(
        name=flat_name(node),
        type_name=node.orig_type_name or node.inst_name,
        offset=node.raw_absolute_address,
        count=node.n_elements,
        access=combine(item.access for item in fields),
        reset=sum(item.reset << item.lsb for item in fields),
        description=describe(node),
        volatile=not node.get_property("fixed") and any(hardware_changes(item) for item in node.fields()),
        counter=bool(statistic),
        section=section,
        fields=fields,
    )


def hardware_changes(node):
    return node.is_hw_writable or bool(node.get_property("hwset"))


def combine(accesses):
    accesses = set(accesses)
    return accesses.pop() if len(accesses) == 1 else "rw"


def read_field(node):
    readable, writable = node.is_sw_readable, node.is_sw_writable
    access = "rw" if readable and writable else "ro" if readable else "wo"
    encode = node.get_property("encode")
    enumeration = None
    if encode is not None:
        values = tuple(Value(item.name, item.value, item.rdl_desc or "") for item in encode)
        enumeration = Enumeration(encode.type_name, values)
    reset = node.get_property("reset")
    return Field(node.inst_name, node.high, node.low, access, reset or 0, text(node), enumeration)


def check(registers):
    """What SystemRDL does not ask for and this project does."""
    used = set()
    for item in registers.registers:
        if not item.description:
            raise SystemExit(f"{item.name} has no description")
        for part in item.fields:
            if not part.description:
                raise SystemExit(f"{item.name}.{part.name} has no description")
        for index in range(item.count):
            offset = item.offset + 4 * index
            if offset % 4 or offset >= BLOCK_BYTES or offset in used:
                raise SystemExit(f"{item.name} at {offset:#x} is misaligned, outside or taken")
            used.add(offset)


def fnv1a(text_):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text_.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def map_hash(registers):
    """Of all that a driver depends on: everything but the prose."""
    lines = []
    for item in registers.registers:
        lines.append(f"{item.name} {item.offset:03x} {item.count} {item.access} {item.reset:08x}")
        for part in item.fields:
            lines.append(f"  {part.name} {part.msb}:{part.lsb} {part.access}")
            if part.enumeration:
                lines.extend(f"    {value.name} {value.value}" for value in part.enumeration.values)
    return fnv1a("\n".join(lines))
