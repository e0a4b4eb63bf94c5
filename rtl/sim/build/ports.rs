//! The ports of a verilated module, read from its header.
//!
//! ```text
//!   VL_IN8(&clk_i,0,0);            up to 8 bits; also 16, 64 and, for 17 to 32 bits, nothing
//!   VL_OUTW(&data_o,511,0,16);     words of 32 bits
//! ```

/// A port.
#[derive(Debug)]
pub(crate) struct Port {
    /// Its name in SystemVerilog.
    pub(crate) name: String,
    /// Whether the module drives it.
    pub(crate) output: bool,
    /// Its type.
    pub(crate) kind: Kind,
}

/// How wide a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An integer of so many bits.
    Integer(u32),
    /// So many words of 32 bits, the lowest first.
    Words(u32),
}

impl Kind {
    /// The type in Rust.
    pub(crate) fn rust(self) -> String {
        match self {
            Self::Integer(bits) => format!("u{bits}"),
            Self::Words(words) => format!("[u32; {words}]"),
        }
    }

    /// The declaration in C++.
    pub(crate) fn cpp(self, name: &str) -> String {
        match self {
            Self::Integer(bits) => format!("uint{bits}_t {name}"),
            Self::Words(words) => format!("uint32_t {name}[{words}]"),
        }
    }
}

impl Port {
    /// Whether the shim drives it by itself.
    pub(crate) fn is_clock(&self) -> bool {
        !self.output && self.name.starts_with("clk_")
    }
}

/// The ports in the order of the header.
pub(crate) fn parse(header: &str) -> Vec<Port> {
    let ports: Vec<_> = header.lines().filter_map(|line| port(line.trim())).collect();
    assert!(ports.iter().any(Port::is_clock), "the header has no clock:\n{header}");
    ports
}

fn port(line: &str) -> Option<Port> {
    let (macro_name, arguments) = line.strip_prefix("VL_")?.strip_suffix(");")?.split_once("(&")?;
    let (output, size) = match (macro_name.strip_prefix("IN"), macro_name.strip_prefix("OUT")) {
        (Some(size), _) => (false, size),
        (_, Some(size)) => (true, size),
        _ => return None,
    };
    let arguments: Vec<_> = arguments.split(',').collect();
    let kind = match (size, arguments.as_slice()) {
        ("8", [_, _, _]) => Kind::Integer(8),
        ("16", [_, _, _]) => Kind::Integer(16),
        ("", [_, _, _]) => Kind::Integer(32),
        ("64", [_, _, _]) => Kind::Integer(64),
        ("W", [_, _, _, words]) => Kind::Words(words.parse().ok()?),
        _ => panic!("a port of a kind that the shim does not know: {line}"),
    };
    Some(Port { name: (*arguments.first()?).to_owned(), output, kind })
}
