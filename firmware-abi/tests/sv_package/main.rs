//! The RTL's package is what the contract says: it is written from the structures that the host uses.
//!
//! ```text
//!   descriptor.rs, frame.rs, key.rs, limits.rs ─▶ layouts ┐
//!   opcodes, statuses, kinds, rings, time ──────▶ numbers ├─▶ rtl/weir_abi_pkg.sv
//!   hash.rs ────────────────────────────────────▶ masks   ┘
//! ```

mod emit;
mod hash;
mod layouts;
mod rules;

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Writes the package when it is set to 1.
const BLESS: &str = "WEIR_ABI_BLESS";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rtl/weir_abi_pkg.sv")
}

fn package() -> String {
    let mut text = String::from(
        "// The contract between NIC and host, for the RTL. Written from the crate firmware-abi by its test\n\
         // `the_package_of_the_rtl_is_what_the_contract_says`; do not edit.\n\
         //\n\
         // A structure's byte i is its bits [8i+7:8i]: what lies first in host memory is declared last.\n\
         // Addresses are in network order, so their first byte is in the low bits. Names are those of the\n\
         // crate but for SystemVerilog's own words: sequence_number, wire_bytes, held_bytes, instance_number.\n\n\
         package weir_abi_pkg;\n",
    );
    rules::write_identity(&mut text);
    rules::write_numbers(&mut text);
    layouts::write(&mut text);
    rules::write_rings(&mut text);
    rules::write_time(&mut text);
    hash::write(&mut text);
    writeln!(text, "\nendpackage").expect("a string");
    text
}

#[test]
fn the_package_of_the_rtl_is_what_the_contract_says() {
    let (path, text) = (path(), package());
    if std::fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
        return;
    }
    let bless = std::env::var(BLESS).is_ok_and(|value| value == "1");
    assert!(
        bless,
        "rtl/weir_abi_pkg.sv is not what firmware-abi says. Write it anew and commit it:\n\
         {BLESS}=1 cargo test -p weir-firmware-abi --test sv_package"
    );
    std::fs::write(&path, text).expect("rtl/weir_abi_pkg.sv can be written");
}
