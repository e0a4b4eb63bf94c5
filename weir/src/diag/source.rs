//! What is looked at: a device, a simulation, or a file.

use std::path::PathBuf;
use std::time::Duration;

use driver::dump::{Extent, capture};
use driver::regio::RegIo;

use super::device::{self, DeviceName};
use super::sim::{SimOptions, SimRun};
use super::{DiagError, File};

/// Which of them.
#[derive(Clone, Debug)]
pub enum Select {
    /// A NIC that is not of this process.
    Device(DeviceName),
    /// A simulated one.
    Sim(SimOptions),
    /// A dump.
    Dump {
        /// The file.
        path: PathBuf,
        /// It may be of another register map.
        any_map: bool,
    },
}

/// What is looked at.
pub enum Source {
    /// Registers of a NIC.
    Device(Box<dyn RegIo>),
    /// A simulated NIC, its driver and host.
    Sim(Box<SimRun>),
    /// A dump.
    Dump(Box<File>),
}

impl Source {
    /// Opens, runs or reads it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn open(select: &Select) -> Result<Self, DiagError> {
        Ok(match select {
            Select::Device(name) => Self::Device(device::open(name)?),
            Select::Sim(options) => Self::Sim(Box::new(SimRun::start(options)?)),
            Select::Dump { path, any_map } => Self::Dump(Box::new(File::load(path, *any_map)?)),
        })
    }

    /// A picture of it; of a dump all that it has.
    ///
    /// # Errors
    /// When none can be taken.
    pub fn take(&self, extent: Extent) -> Result<File, DiagError> {
        match self {
            Self::Device(io) => Ok(File::of(capture(&&**io, extent)?)),
            Self::Sim(run) => run.take(extent),
            Self::Dump(file) => Ok((**file).clone()),
        }
    }

    /// Its registers, if they can be read and written now.
    #[must_use]
    pub fn io(&self) -> Option<&dyn RegIo> {
        match self {
            Self::Device(io) => Some(&**io),
            Self::Sim(run) => Some(run.io()),
            Self::Dump(_) => None,
        }
    }

    /// Lets time pass: of a device by the clock, of a simulation by its own. False if nothing will change any more.
    ///
    /// # Errors
    /// When the simulation cannot go on.
    pub fn pass(&mut self, time: Duration) -> Result<bool, DiagError> {
        match self {
            Self::Device(_) => {
                std::thread::sleep(time);
                Ok(true)
            }
            Self::Sim(run) => run.pass(time),
            Self::Dump(_) => Ok(false),
        }
    }
}
