//! Verilates the tops of [`TOPS`], compiles them with a shim each, and writes their ports as Rust.
//!
//! ```text
//!   rtl/*.sv ─▶ verilator ─▶ model/V<top>.h ─▶ ports ─┬─▶ shim_<top>.cpp ─▶ one static library
//!               (on the path)                         └─▶ tops.rs
//! ```
//!
//! Ports are written once, in SystemVerilog: the shim's structures and the Rust ones are both made from
//! the header that Verilator writes.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "verilate")]
    verilate::run();
}

#[cfg(feature = "verilate")]
#[path = "build/ports.rs"]
mod ports;
#[cfg(feature = "verilate")]
#[path = "build/shim.rs"]
mod shim;

#[cfg(feature = "verilate")]
mod verilate {
    use crate::{ports, shim};
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// What is verilated: the module, its file from here, the name of its type in Rust.
    const TOPS: [(&str, &str, &str); 3] = [
        ("weir_top", "../weir_top.sv", "WeirTop"),
        ("weir_abi_bench", "bench/weir_abi_bench.sv", "AbiBench"),
        ("weir_rmw_bench", "bench/weir_rmw_bench.sv", "RmwBench"),
    ];
    /// In the order in which they know each other.
    const PACKAGES: [&str; 3] = ["weir_abi_pkg.sv", "weir_regs_pkg.sv", "weir_pkg.sv"];
    /// Parameters of `weir_top` that the environment may change, and what they are else. The limits are those
    /// of the module.
    const SIZES: [(&str, &str, u32); 2] =
        [("SLOTS_LOG2", "WEIR_RTL_SLOTS_LOG2", 17), ("ENIS_LOG2", "WEIR_RTL_ENIS_LOG2", 12)];
    /// Of the runtime, what the crate verilated leaves out.
    const RUNTIME: &str = "verilated_threads.cpp";

    pub(crate) fn run() {
        let crate_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
        let rtl = crate_dir.parent().expect("the crate lies in rtl/").to_path_buf();
        let out = PathBuf::from(variable("OUT_DIR"));
        let trace = env::var_os("CARGO_FEATURE_TRACE").is_some();
        watch(&rtl);
        watch(&crate_dir.join("bench"));
        watch(&crate_dir.join("build"));
        for name in ["PATH", "VERILATOR_ROOT"] {
            println!("cargo:rerun-if-env-changed={name}");
        }
        let sizes = SIZES.map(|(name, variable, otherwise)| (name, size(variable, otherwise)));
        // Not sizes. Blocks rest while nothing moves in them, if there is one clock for all.
        let two_clocks = size("WEIR_RTL_TWO_CLOCKS", 0);
        let of_top = [sizes[0], sizes[1], ("TWO_CLOCKS", two_clocks), ("RESTS", u32::from(two_clocks == 0))];
        let root = verilator_root();
        let mut library = cc::Build::new();
        let mut rust: String = of_top[..3].iter().map(|(name, value)| shim::constant(name, *value)).collect();
        for (module, file, name) in TOPS {
            let folder = out.join(module);
            let parameters = if name == "WeirTop" { &of_top[..] } else { &[] };
            verilate(module, &crate_dir.join(file), &rtl, &folder, trace, parameters);
            let header = read(&folder.join(format!("V{module}.h")));
            let ports = ports::parse(&header);
            rust.push_str(&shim::rust(module, name, &ports));
            let shim = folder.join(format!("shim_{module}.cpp"));
            write(&shim, &shim::cpp(module, &ports));
            library.include(&folder).files(sources(&folder));
        }
        write(&out.join("tops.rs"), &rust);
        library
            .cpp(true)
            .include(root.join("include"))
            .include(root.join("include/vltstd"))
            .file(root.join("include").join(RUNTIME))
            // Whatever the profile: a model without optimisation is 17 times slower.
            .opt_level(3)
            .debug(false)
            .warnings(false)
            .flag("-std=gnu++17")
            .flag("-faligned-new")
            .define("VL_TIME_CONTEXT", None)
            .define("VM_TRACE", if trace { "1" } else { "0" })
            // All of it: the runtime in the crate verilated needs parts of this, and is linked after it.
            .link_lib_modifier("+whole-archive")
            .compile("weir_rtl");
        println!("cargo:rustc-link-lib=stdc++");
    }

    /// A size from the environment.
    fn size(variable: &str, otherwise: u32) -> u32 {
        println!("cargo:rerun-if-env-changed={variable}");
        let Ok(text) = env::var(variable) else { return otherwise };
        text.parse().unwrap_or_else(|error| panic!("{variable} is `{text}`, expected a number: {error}"))
    }

    fn verilate(module: &str, file: &Path, rtl: &Path, folder: &Path, trace: bool, parameters: &[(&str, u32)]) {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        let mut command = Command::new("verilator_bin");
        command.args(["--cc", "-O3", "-Wall", "--x-assign", "fast", "--x-initial", "unique", "--noassert"]);
        // In pieces that a compiler is quick with.
        command.args(["--output-split", "20000", "--output-split-cfuncs", "1500"]);
        command.args(["--prefix", &format!("V{module}"), "--top-module", module]);
        command.arg("-Mdir").arg(folder).arg(format!("-I{}", rtl.display()));
        command.args(parameters.iter().map(|(name, value)| format!("-G{name}={value}")));
        if trace {
            command.args(["--trace", "--trace-structs"]);
        }
        command.arg(rtl.join("lint.vlt"));
        command.args(PACKAGES.map(|package| rtl.join(package))).arg(file);
        let output = command.output().unwrap_or_else(|error| {
            panic!("verilator_bin: {error}. `make rtl-tools` installs it; `. rtl/env.sh` puts it on the path")
        });
        assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    }

    fn verilator_root() -> PathBuf {
        if let Some(root) = env::var_os("VERILATOR_ROOT") {
            return PathBuf::from(root);
        }
        let output = Command::new("verilator_bin").args(["--getenv", "VERILATOR_ROOT"]).output();
        let output =
            output.unwrap_or_else(|error| panic!("verilator_bin: {error}. `. rtl/env.sh` puts it on the path"));
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    }

    /// Every C++ file of a folder.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "cpp"));
        files.sort();
        files
    }

    fn watch(folder: &Path) {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "sv" || extension == "rs" || extension == "vlt") {
                println!("cargo:rerun-if-changed={}", path.display());
            }
        }
    }

    fn variable(name: &str) -> String {
        env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
