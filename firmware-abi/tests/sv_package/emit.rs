//! SystemVerilog text of layouts and numbers.

use std::fmt::{Debug, Write};

/// A field of a packed structure.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the package.
    pub(crate) name: String,
    /// Its lowest bit in the structure.
    pub(crate) lsb: usize,
    /// Its bits.
    pub(crate) width: usize,
    /// Its type; plain bits if empty.
    pub(crate) kind: String,
}

/// A structure: what stands at which bits.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The name in Rust.
    pub(crate) name: String,
    /// All its bits.
    pub(crate) bits: usize,
    /// Its fields, in any order.
    pub(crate) fields: Vec<Field>,
}

impl Layout {
    /// A packed structure: the highest bit first, holes named by their lowest bit.
    pub(crate) fn to_sv(&self) -> String {
        let mut fields = self.fields.clone();
        fields.sort_by_key(|field| field.lsb);
        let mut lines = Vec::new();
        let mut next = 0;
        for field in &fields {
            assert!(field.lsb >= next, "{}.{} overlaps", self.name, field.name);
            lines.extend(hole(next, field.lsb));
            lines.push(format!("    {} {};", field.sv_type(), field.name));
            next = field.lsb + field.width;
        }
        assert!(next <= self.bits, "{} is longer than it is", self.name);
        lines.extend(hole(next, self.bits));
        lines.reverse();
        format!("  typedef struct packed {{\n{}\n  }} {};\n", lines.join("\n"), type_name(&self.name))
    }
}

fn hole(from: usize, to: usize) -> Option<String> {
    (to > from).then(|| format!("    {} reserved_{from};", bits(to - from)))
}

impl Field {
    fn sv_type(&self) -> String {
        if self.kind.is_empty() { bits(self.width) } else { self.kind.clone() }
    }
}

/// `logic [7:0]`; one bit is `logic`.
pub(crate) fn bits(width: usize) -> String {
    if width == 1 { "logic".to_owned() } else { format!("logic [{}:0]", width - 1) }
}

/// `FlowKey` is `flow_key_t`.
pub(crate) fn type_name(name: &str) -> String {
    format!("{}_t", snake(name))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// An enumeration of `width` bits with the values that `from_bits` knows, each with `prefix`.
pub(crate) fn enumeration<T: Debug>(
    name: &str,
    prefix: &str,
    width: usize,
    from_bits: impl Fn(u8) -> Option<T>,
) -> String {
    let known = (0..=u8::MAX).filter_map(|value| Some((value, from_bits(value)?)));
    let values: Vec<_> = known
        .map(|(value, variant)| {
            assert!(usize::from(value) < 1 << width, "{name} fits {width} bits");
            format!("    {prefix}_{} = {width}'d{value}", snake(&format!("{variant:?}")).to_uppercase())
        })
        .collect();
    format!("  typedef enum {} {{\n{}\n  }} {}_e;\n", bits(width), values.join(",\n"), snake(name))
}

/// A number of `width` bits, in hexadecimal if that is how it is known.
pub(crate) fn number(text: &mut String, name: &str, width: usize, value: u64, hexadecimal: bool) {
    let digits = if hexadecimal {
        format!("{width}'h{value:0nibbles$x}", nibbles = width.div_ceil(4))
    } else {
        format!("{width}'d{value}")
    };
    writeln!(text, "  localparam {} {name} = {digits};", bits(width)).expect("a string");
}

/// A number that sizes and indices are reckoned with.
pub(crate) fn count(text: &mut String, name: &str, value: u64) {
    writeln!(text, "  localparam int unsigned {name} = {value};").expect("a string");
}

/// Comment lines.
pub(crate) fn comment(text: &mut String, lines: &[&str]) {
    text.push('\n');
    for line in lines {
        writeln!(text, "  // {line}").expect("a string");
    }
}
