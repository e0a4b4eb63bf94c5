//! What stands between a verilated module and Rust: a structure for the inputs, one for the outputs, and
//! one call for a step of the clocks.

use crate::ports::{Kind, Port};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("../cxx/shim.cpp");

fn inputs(ports: &[Port]) -> impl Iterator<Item = &Port> {
    ports.iter().filter(|port| !port.output && !port.is_clock())
}

fn outputs(ports: &[Port]) -> impl Iterator<Item = &Port> {
    ports.iter().filter(|port| port.output)
}

fn clocks(ports: &[Port]) -> impl Iterator<Item = &Port> {
    ports.iter().filter(|port| port.is_clock())
}

/// The shim's C++.
pub(crate) fn cpp(module: &str, ports: &[Port]) -> String {
    let lines = |items: Vec<String>| items.join("\n    ");
    let declare = |port: &Port| format!("{};", port.kind.cpp(&port.name));
    let copy = |to: &str, from: &str, name: &str, kind: Kind| match kind {
        Kind::Integer(_) => format!("{to}{name} = {from}{name};"),
        Kind::Words(words) => format!("for (int i = 0; i < {words}; ++i) {to}{name}[i] = {from}{name}[i];"),
    };
    let rise = clocks(ports).enumerate().map(|(bit, port)| format!("top.{0} = (rising >> {bit}) & 1;", port.name));
    TEMPLATE
        .replace("@MODULE@", module)
        .replace("@INPUTS@", &lines(inputs(ports).map(declare).collect()))
        .replace("@OUTPUTS@", &lines(outputs(ports).map(declare).collect()))
        .replace("@APPLY@", &lines(inputs(ports).map(|p| copy("top.", "in->", &p.name, p.kind)).collect()))
        .replace("@SAMPLE@", &lines(outputs(ports).map(|p| copy("out->", "top.", &p.name, p.kind)).collect()))
        .replace("@RISE@", &lines(rise.collect()))
        .replace("@FALL@", &lines(clocks(ports).map(|port| format!("top.{} = 0;", port.name)).collect()))
}

fn fields<'a>(ports: impl Iterator<Item = &'a Port>) -> String {
    let field = |port: &Port| format!("    /// `{0}`\n    pub {0}: {1},\n", port.name, port.kind.rust());
    ports.map(field).collect()
}

/// A parameter that the top was built with, in Rust.
pub(crate) fn constant(name: &str, value: u32) -> String {
    format!("/// The parameter `{name}` of `weir_top`.\npub const {name}: u32 = {value};\n")
}

/// The same in Rust: `<name>In`, `<name>Out`, and `<name>` that ties them to the shim.
pub(crate) fn rust(module: &str, name: &str, ports: &[Port]) -> String {
    let mut text = String::new();
    for (suffix, what, fields) in [("In", "Inputs", fields(inputs(ports))), ("Out", "Outputs", fields(outputs(ports)))]
    {
        write!(
            text,
            "/// {what} of `{module}`.\n#[repr(C)]\n#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]\n\
             pub struct {name}{suffix} {{\n{fields}}}\n"
        )
        .expect("a string");
    }
    let clocks: Vec<_> = clocks(ports).map(|port| format!("{:?}", port.name)).collect();
    writeln!(
        text,
        "top!({name}, {name}In, {name}Out, {module:?}, [{}], {module}_new, {module}_delete, {module}_step, \
         {module}_trace);",
        clocks.join(", ")
    )
    .expect("a string");
    text
}
