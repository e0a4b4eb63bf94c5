//! `weir nic selftest`: the suite that every body of the NIC passes.

use std::rc::Rc;

use clap::Args;
use driver::device::Device;
use driver::selftest;

use crate::cli::device::{DeviceArgs, WithDevice};
use crate::cli::{Failure, say};

const AFTER_HELP: &str = "\
Examples:
  weir nic selftest --device 0000:03:00.0
  weir nic selftest --device vfio-user:nic.sock

It takes the NIC for itself: what ran on it is gone. Exit code 5 if a check fails.";

/// Check that a NIC does what a driver relies on: registers, reset, DMA, interrupts, and what it must refuse.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SelftestArgs {
    #[command(flatten)]
    device: DeviceArgs,
}

struct Suite;

impl WithDevice for Suite {
    type Done = usize;

    fn run<D: Device + 'static>(self, device: Rc<D>) -> Result<usize, Failure> {
        Ok(selftest::run(&device, |name, result| match result {
            Ok(()) => say(&format!("ok      {name}\n")),
            Err(error) => say(&format!("FAILED  {name}: {error}\n")),
        }))
    }
}

/// Runs the suite.
pub(super) fn run(args: &SelftestArgs) -> Result<(), Failure> {
    let missing = || Failure::Usage("found no --device, expected the NIC to check".to_owned());
    let at = args.device.device.as_ref().ok_or_else(missing)?;
    match args.device.open(at, false, Suite)? {
        0 => Ok(()),
        failures => Err(Failure::device(format!("{failures} checks failed"))),
    }
}
