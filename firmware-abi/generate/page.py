"""docs/registers.md from the register map."""

HEADER = """\
# Registers

<!-- Generated from firmware-abi/rdl/weir.rdl by firmware-abi/generate/generate.py: do not edit. -->

BAR0 is 4 KiB of 32-bit little-endian registers. Other accesses than aligned 32-bit ones are refused.

- **No read has a side effect**, so a dump is always safe.
- A write-only register reads 0, as does an address that holds no register.
- A write to a read-only register, or to no register, changes nothing; `ERRORS.register_write` and `WRITES_REFUSED` tell.
- Bits that belong to no field read 0 and are to be written as 0.
- 64-bit values are a `_LO` and a `_HI` register; they change only when `SNAPSHOT` is written.

*ro*: read only. *wo*: write only. *rw*: both. ∿: the NIC changes it.
"""


def generate(registers):
    """The page's text."""
    out = [HEADER]
    section = None
    for item in registers.registers:
        if item.section != section:
            section = item.section
            out.append(f"\n## {section}\n\n| offset | register | access | reset | |\n|---|---|---|---|---|\n")
            out.extend(row(other) for other in registers.registers if other.section == section)
            out.extend(fields(other) for other in registers.registers if other.section == section and other.has_type)
    return "".join(out)


def row(item):
    name = item.name if item.count == 1 else f"{item.name}[{item.count}]"
    last = "" if item.count == 1 else f"…{item.offset + 4 * item.count - 4:03x}"
    mark = " ∿" if item.volatile else ""
    reset = f"{item.reset:#x}" if item.reset else "0"
    return f"| `{item.offset:#05x}`{last} | `{name}` | {item.access}{mark} | {reset} | {item.description} |\n"


def fields(item):
    out = [f"\n### `{item.name}`\n\n| bits | field | access | |\n|---|---|---|---|\n"]
    for part in item.fields:
        bits = f"{part.msb}" if part.width == 1 else f"{part.msb}:{part.lsb}"
        values = ""
        if part.enumeration:
            values = " " + " ".join(f"{value.value} = `{value.name}`: {value.description}" for value in part.enumeration.values)
        out.append(f"| {bits} | `{part.name}` | {part.access} | {part.description}{values} |\n")
    return "".join(out)
