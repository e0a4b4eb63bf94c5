//! A verilated module and the calls into it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

// Verilator's runtime. Only its library is used: the state of an instance is in its own context.
use verilated as _;

/// The calls of one module's shim.
#[derive(Clone, Copy, Debug)]
pub struct Calls<I, O> {
    new: unsafe extern "C" fn(u64) -> *mut c_void,
    delete: unsafe extern "C" fn(*mut c_void),
    step: unsafe extern "C" fn(*mut c_void, *const I, *mut O, u32, u64),
    trace: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
}

mod sealed {
    /// Only the build script says what a top is: its structures are those of the C++.
    pub trait Sealed {}
}

/// A module that was verilated.
pub trait Top: sealed::Sealed {
    /// Its inputs but for clocks.
    type In: Copy + Default;
    /// Its outputs.
    type Out: Copy + Default;
    /// Its name in SystemVerilog.
    const MODULE: &'static str;
    /// Its clocks, in the order of the bits that let them rise.
    const CLOCKS: &'static [&'static str];
    #[doc(hidden)]
    const CALLS: Calls<Self::In, Self::Out>;
}

/// The modules that were verilated, with their ports.
pub mod tops {
    use super::{Calls, Top, c_char, c_int, c_void, sealed};

    macro_rules! top {
        ($name:ident, $in:ident, $out:ident, $module:literal, [$($clock:literal),*],
         $new:ident, $delete:ident, $step:ident, $trace:ident) => {
            #[doc = concat!("The module `", $module, "`.")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            unsafe extern "C" {
                fn $new(seed: u64) -> *mut c_void;
                fn $delete(instance: *mut c_void);
                fn $step(instance: *mut c_void, inputs: *const $in, outputs: *mut $out, rising: u32, time: u64);
                fn $trace(instance: *mut c_void, path: *const c_char) -> c_int;
            }

            impl sealed::Sealed for $name {}

            impl Top for $name {
                type In = $in;
                type Out = $out;
                const MODULE: &'static str = $module;
                const CLOCKS: &'static [&'static str] = &[$($clock),*];
                const CALLS: Calls<$in, $out> = Calls { new: $new, delete: $delete, step: $step, trace: $trace };
            }
        };
    }

    include!(concat!(env!("OUT_DIR"), "/tops.rs"));
}

/// A trace that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTrace {
    /// The model was built without the feature `trace`.
    NotBuilt,
    /// The file cannot be written.
    Unwritable(PathBuf),
}

impl std::fmt::Display for NoTrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotBuilt => write!(f, "the RTL was built without traces: build with the feature `trace`"),
            Self::Unwritable(path) => write!(f, "the trace {} cannot be written", path.display()),
        }
    }
}

impl std::error::Error for NoTrace {}

/// One module with its own state and time.
#[derive(Debug)]
pub struct Instance<T: Top> {
    shim: NonNull<c_void>,
    /// Of the last step, ps.
    time_ps: u64,
    top: PhantomData<T>,
}

// SAFETY: the shim's instance has a context of its own and no thread-local state; it is used by one
// thread at a time, since every call takes `&mut self`.
unsafe impl<T: Top> Send for Instance<T> {}

impl<T: Top> Instance<T> {
    /// A module after power-on. What no reset sets starts from `seed`.
    ///
    /// # Panics
    /// When there is no memory left, as any allocation does.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // SAFETY: the call takes no pointer.
        let shim = NonNull::new(unsafe { (T::CALLS.new)(seed) }).expect("the shim allocates or aborts");
        Self { shim, time_ps: 0, top: PhantomData }
    }

    /// Applies `inputs`; returns the outputs that they give before the clocks of `rising` (bits in the order
    /// of [`Top::CLOCKS`]) rise, `after_ps` after the last step.
    #[inline]
    pub fn step(&mut self, inputs: &T::In, rising: u32, after_ps: u64) -> T::Out {
        self.time_ps += after_ps;
        let mut outputs = T::Out::default();
        // SAFETY: `shim` came from `new` and lives until `drop`. Both structures are laid out as the shim's,
        // from the same list of ports, and the shim keeps no pointer to them.
        unsafe { (T::CALLS.step)(self.shim.as_ptr(), inputs, &raw mut outputs, rising, self.time_ps) };
        outputs
    }

    /// The time of the last step, ps.
    #[must_use]
    pub fn time_ps(&self) -> u64 {
        self.time_ps
    }

    /// Writes a VCD trace from the next step on.
    pub fn trace(&mut self, path: &Path) -> Result<(), NoTrace> {
        if !cfg!(feature = "trace") {
            return Err(NoTrace::NotBuilt);
        }
        let unwritable = || NoTrace::Unwritable(path.to_owned());
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| unwritable())?;
        // SAFETY: `shim` as in `step`; `name` is a C string that lives through the call, which copies it.
        let opened = unsafe { (T::CALLS.trace)(self.shim.as_ptr(), name.as_ptr()) };
        if opened == 0 { Err(unwritable()) } else { Ok(()) }
    }

    /// Ends the trace, if there is one.
    pub fn end_trace(&mut self) {
        // SAFETY: `shim` as in `step`; no path means that the trace ends.
        unsafe { (T::CALLS.trace)(self.shim.as_ptr(), std::ptr::null()) };
    }
}

impl<T: Top> Drop for Instance<T> {
    fn drop(&mut self) {
        // SAFETY: `shim` came from `new`, and nobody uses it after this.
        unsafe { (T::CALLS.delete)(self.shim.as_ptr()) };
    }
}
