"""firmware-abi/src/registers.rs from the register map."""

import textwrap

from registers import BLOCK_BYTES, map_hash

ACCESS = {"ro": "RO", "wo": "WO", "rw": "RW"}
VARIANT = {"ro": "ReadOnly", "wo": "WriteOnly", "rw": "ReadWrite"}
RING_REGISTERS = ("base_lo", "base_hi", "size_log2", "producer", "consumer", "control", "drops", "high_water")

HEADER = """\
//! The registers of BAR0. Generated from `rdl/weir.rdl` by `generate/generate.py`: do not edit.
//!
//! ```text
//! Block         the registers in their places, each with its access: what a field selector selects from
//! Status, ...   the value of a register that has fields
//! offset        the registers' numbers, for code that has no Block
//! ring_offsets  the same for code that serves any ring
//! REGISTERS     all of the above as a table, for dumps, the model and the documentation
//! ```
//!
//! No read has a side effect. A write-only register reads 0.

use crate::ring::RingId;
use bitfield::bitfield;
pub use volatile_register::{RO, RW, WO};

pub use table::{COUNTERS, MAP_HASH, REGISTERS, SOURCE_HASH};
"""

TYPES = """\
/// Bytes of the block.
pub const BLOCK_BYTES: usize = %(block)d;

/// What may be done to a register or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads only.
    ReadOnly,
    /// Writes only; it reads 0.
    WriteOnly,
    /// Both.
    ReadWrite,
}

/// One register of [`REGISTERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its name, as in the documentation.
    pub name: &'static str,
    /// Bytes from the start of the block.
    pub offset: u32,
    /// Whether it can be read and written.
    pub access: Access,
    /// Its value after reset; 0 where that depends on the build.
    pub reset: u32,
    /// The NIC changes it.
    pub volatile: bool,
    /// Half of a 64-bit counter that SNAPSHOT latches.
    pub counter: bool,
    /// What it is for.
    pub description: &'static str,
    /// Its fields, lowest first; a register that is one number has one field, `value`.
    pub fields: &'static [Field],
}

/// Some bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its highest bit.
    pub msb: u8,
    /// Its lowest bit.
    pub lsb: u8,
    /// Whether it can be read and written.
    pub access: Access,
    /// What it says.
    pub description: &'static str,
    /// The values it knows, if it is enumerated.
    pub values: &'static [EnumeratedValue],
}

impl Field {
    /// The field's bits within the register.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (31 - (self.msb - self.lsb))) << self.lsb
    }

    /// The field's value in the register's value.
    #[must_use]
    pub const fn extract(&self, register: u32) -> u32 {
        (register & self.mask()) >> self.lsb
    }
}

/// One value of an enumerated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumeratedValue {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub value: u32,
    /// What it means.
    pub description: &'static str,
}

/// A 64-bit counter since reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name: its registers' without `_LO` and `_HI`.
    pub name: &'static str,
    /// Offset of the low half; the high half is the register after it.
    pub lo: u32,
    /// What it counts.
    pub description: &'static str,
}

/// An enumerated field held a number that this contract does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    /// Register and field.
    pub field: &'static str,
    /// The number.
    pub found: u32,
}

impl core::fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} holds {}, which has no meaning", self.field, self.found)
    }
}

impl core::error::Error for UnknownValue {}

/// The registers of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingOffsets {
    /// Low half of the IOVA.
    pub base_lo: u32,
    /// High half of the IOVA.
    pub base_hi: u32,
    /// Entries as a power of two.
    pub size_log2: u32,
    /// Producer index.
    pub producer: u32,
    /// Consumer index.
    pub consumer: u32,
    /// [`RingControl`].
    pub control: u32,
    /// Frames that found no room.
    pub drops: u32,
    /// Most entries in use.
    pub high_water: u32,
}
"""


def generate(registers):
    """The two files' text, before rustfmt."""
    parts = [HEADER, "mod table;\n", TYPES % {"block": BLOCK_BYTES}, offsets(registers), rings(registers), block(registers)]
    parts.append(asserts(registers))
    parts.extend(value_types(registers))
    return "\n".join(parts), table(registers)


def comment(text, indent=0):
    lines = textwrap.wrap(text, 96 - indent)
    return "".join(f"{' ' * indent}/// {line}\n" for line in lines)


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def offsets(registers):
    out = ["/// Offsets of the registers; that of an array is its first register's.\npub mod offset {\n"]
    for item in registers.registers:
        out.append(comment(item.description, 4))
        out.append(f"    pub const {item.name}: u32 = {item.offset:#05x};\n")
    return "".join(out) + "}\n"


def rings(registers):
    out = ["/// The registers of the ring `id`.\n#[must_use]\n#[inline]\n"]
    out.append("pub const fn ring_offsets(id: RingId) -> RingOffsets {\n    match id {\n")
    for ring in registers.rings:
        out.append(f"        RingId::{camel(ring)} => RingOffsets {{\n")
        for name in RING_REGISTERS:
            out.append(f"            {name}: offset::{ring}_{name.upper()},\n")
        out.append("        },\n")
    return "".join(out) + "    }\n}\n"


def block(registers):
    out = ["/// The registers in their places.\n#[repr(C)]\npub struct Block {\n"]
    at, gaps = 0, 0

    def gap(end):
        nonlocal gaps
        if end > at:
            out.append(f"    reserved_{gaps}: [u32; {(end - at) // 4}],\n")
            gaps += 1

    for item in registers.registers:
        gap(item.offset)
        cell = f"{ACCESS[item.access]}<u32>"
        cell = cell if item.count == 1 else f"[{cell}; {item.count}]"
        out.append(comment(item.description, 4))
        if item.has_type:
            out.append(f"    ///\n    /// Its fields: [`{camel(item.type_name.lower())}`].\n")
        out.append(f"    pub {item.name.lower()}: {cell},\n")
        at = item.offset + 4 * item.count
    gap(BLOCK_BYTES)
    return "".join(out) + "}\n"


def asserts(registers):
    out = ["const _: () = {\n    use core::mem::offset_of;\n"]
    out.append("    assert!(size_of::<Block>() == BLOCK_BYTES);\n")
    for item in registers.registers:
        out.append(f"    assert!(offset_of!(Block, {item.name.lower()}) == {item.offset:#05x});\n")
    for item in registers.registers:
        if item.name in ("MAGIC", "ABI_VERSION"):
            out.append(f"    assert!(crate::{item.name} == {item.reset:#010x});\n")
    return "".join(out) + "};\n"


def value_types(registers):
    done = {}
    for item in registers.registers:
        if not item.has_type:
            continue
        name = camel(item.type_name.lower())
        if name in done:
            if done[name] != item.fields:
                raise SystemExit(f"two registers have different fields and one type: {name}")
            continue
        done[name] = item.fields
        yield value_type(name, item)
        yield from enumerations(name, item)


def value_type(name, item):
    described = item.name if item.type_name == item.name else "a ring's " + item.name.split("_", 1)[1]
    out = ["bitfield! {\n"]
    out.append(comment(f"Value of {described}.", 4))
    out.append("    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]\n    #[repr(transparent)]\n")
    out.append(f"    pub struct {name}(pub u32);\n    impl Debug;\n    u32;\n")
    for part in item.fields:
        out.append(comment(part.description, 4))
        bits = f"{part.name}_bits" if part.enumeration else part.name
        if part.width == 1:
            out.append(f"    pub {bits}, set_{bits}: {part.lsb};\n")
            continue
        kind = "u8, " if part.width <= 8 else "u16, " if part.width <= 16 else ""
        out.append(f"    pub {kind}{bits}, set_{bits}: {part.msb}, {part.lsb};\n")
    return "".join(out) + "}\n"


def enumerations(name, item):
    for part in item.fields:
        if part.enumeration is None:
            continue
        kind = camel(part.enumeration.name)
        out = [comment(f"Values of {item.name}.{part.name}.")]
        out.append("#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n#[repr(u8)]\n")
        out.append(f"pub enum {kind} {{\n")
        for value in part.enumeration.values:
            out.append(comment(value.description, 4) + f"    {camel(value.name)} = {value.value},\n")
        out.append(f"}}\n\nimpl {name} {{\n")
        out.append(comment(part.description, 4))
        out.append("    ///\n    /// # Errors\n    ///\n    /// [`UnknownValue`] if the number has no meaning in this version.\n")
        out.append(f"    pub fn {part.name}(&self) -> Result<{kind}, UnknownValue> {{\n")
        out.append(f"        Ok(match self.{part.name}_bits() {{\n")
        for value in part.enumeration.values:
            out.append(f"            {value.value} => {kind}::{camel(value.name)},\n")
        out.append(f'            found => return Err(UnknownValue {{ field: "{item.name}.{part.name}", found: found.into() }}),\n')
        yield "".join(out) + "        })\n    }\n}\n"


TABLE_HEADER = """\
//! The registers as a table. Generated from `rdl/weir.rdl` by `generate/generate.py`: do not edit.

use super::Access::{ReadOnly, ReadWrite, WriteOnly};
use super::{Counter, EnumeratedValue, Field, Register, offset};

/// FNV-1a of all that a driver depends on in this map: names, offsets, access, reset values,
/// fields and enumerated values; not the prose.
pub const MAP_HASH: u64 = %(hash)#018x;

/// FNV-1a of the text of `rdl/weir.rdl` that this was generated from.
pub const SOURCE_HASH: u64 = %(source)#018x;
"""


def table(registers):
    out = [TABLE_HEADER % {"hash": map_hash(registers), "source": registers.source_hash}]
    out.append("\n/// Every register, by rising offset; an array has an entry for each of its registers.\n")
    out.append("pub static REGISTERS: &[Register] = &[\n")
    shared = {}
    for item in registers.registers:
        key = shared.setdefault(item.fields, f"{item.type_name.upper()}_FIELDS")
        for index in range(item.count):
            out.append(entry(item, index, key))
    out.append("];\n\n/// The 64-bit counters, by rising offset.\npub static COUNTERS: &[Counter] = &[\n")
    for name, description in registers.counters:
        out.append(f'Counter {{ name: "{name}", lo: offset::{name}_LO, description: {quote(description)} }},\n')
    out.append("];\n")
    names = list(shared.values())
    if len(names) != len(set(names)):
        raise SystemExit("two registers have different fields and one type")
    out.extend(field_table(key, fields) for fields, key in shared.items())
    return "".join(out)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entry(item, index, key):
    name = item.name if item.count == 1 else f"{item.name}[{index}]"
    at = f"offset::{item.name}" if index == 0 else f"offset::{item.name} + {4 * index}"
    return (
        f'Register {{ name: "{name}", offset: {at}, access: {VARIANT[item.access]}, reset: {item.reset:#x}, '
        f"volatile: {str(item.volatile).lower()}, counter: {str(item.counter).lower()}, "
        f"description: {quote(item.description)}, fields: {key} }},\n"
    )


def field_table(key, fields):
    out = [f"\nconst {key}: &[Field] = &[\n"]
    for part in fields:
        values = ""
        for value in part.enumeration.values if part.enumeration else ():
            values += f'EnumeratedValue {{ name: "{value.name}", value: {value.value}, description: {quote(value.description)} }}, '
        out.append(
            f'Field {{ name: "{part.name}", msb: {part.msb}, lsb: {part.lsb}, access: {VARIANT[part.access]}, '
            f"description: {quote(part.description)}, values: &[{values}] }},\n"
        )
    return "".join(out) + "];\n"
