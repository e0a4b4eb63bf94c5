//! What the diagnostic commands share: what is looked at, and how it is shown.

use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command};
use firmware_abi::registers::REGISTERS;
use flowlog::catalogue::WindowSeconds;

use super::{Failure, When, print, say};
use crate::config::parse_window;
use crate::diag::device::DeviceName;
use crate::diag::{Answer, Paint, Select, Show, SimOptions, Source};

/// What is looked at.
#[derive(Args, Clone, Debug)]
pub(super) struct SourceArgs {
    /// A NIC: its PCI address like 0000:03:00.0, or vfio-user:PATH of a NIC process
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["sim", "dump"], help_heading = "What is looked at")]
    pub(super) device: Option<DeviceName>,
    /// A simulated NIC that has seen this capture; several are merged by time
    #[arg(long, value_name = "CAPTURE", conflicts_with = "dump", help_heading = "What is looked at")]
    pub(super) sim: Vec<PathBuf>,
    /// A dump, or a bundle with one
    #[arg(long, value_name = "FILE", help_heading = "What is looked at")]
    pub(super) dump: Option<PathBuf>,
    /// Shows a dump of another register map, with a warning
    #[arg(long, requires = "dump", help_heading = "What is looked at")]
    any_map: bool,
    /// When to look at the simulated NIC: RFC 3339, Unix seconds, or +10s after the first packet. 1 ms after the
    /// last packet without
    #[arg(long, value_name = "TIME", help_heading = "What is looked at")]
    at: Option<When>,
    /// Accounts, ENIs and rules of the simulated NIC. Without it, one ENI takes every packet and allows all
    #[arg(long, value_name = "FILE", help_heading = "What is looked at")]
    pub(super) config: Option<PathBuf>,
    /// Length of the simulated NIC's windows, over the configuration's: 60s, 5m
    #[arg(long, value_name = "TIME", value_parser = parse_window, help_heading = "What is looked at")]
    window: Option<WindowSeconds>,
    /// Slots of the simulated NIC's flow table per direction, as a power of two: 7 to 24
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(7..=24),
          help_heading = "What is looked at")]
    slots_log2: Option<u32>,
}

impl SourceArgs {
    /// What was chosen, if anything was.
    pub(super) fn select(&self) -> Result<Option<Select>, Failure> {
        if !self.sim.is_empty() {
            return Ok(Some(Select::Sim(SimOptions {
                captures: self.sim.clone(),
                config: self.config.clone(),
                window: self.window,
                slots_log2: self.slots_log2,
                at: self.at,
            })));
        }
        let of_sim = [
            ("--at", self.at.is_some()),
            ("--window", self.window.is_some()),
            ("--slots-log2", self.slots_log2.is_some()),
        ];
        if let Some((option, _)) = of_sim.into_iter().find(|(_, given)| *given) {
            return Err(Failure::Usage(format!("found {option} without --sim, expected it with a simulated NIC")));
        }
        let device = self.device.clone().map(Select::Device);
        let dump = || self.dump.clone().map(|path| Select::Dump { path, any_map: self.any_map });
        Ok(device.or_else(dump))
    }

    /// Opens what was chosen.
    pub(super) fn open(&self) -> Result<Source, Failure> {
        let nothing = || Failure::Usage("found nothing to look at, expected --device, --sim or --dump".to_owned());
        Ok(Source::open(&self.select()?.ok_or_else(nothing)?)?)
    }

    /// What was chosen, for an audit line.
    pub(super) fn name(&self) -> String {
        match (&self.device, self.sim.first()) {
            (Some(device), _) => device.to_string(),
            (None, Some(capture)) => format!("sim:{}", capture.display()),
            (None, None) => "none".to_owned(),
        }
    }
}

/// How it is shown.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct ShowArgs {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl ShowArgs {
    /// With colours where standard output is a terminal that may have them.
    pub(super) fn show(self) -> Show {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Show { json: self.json, paint: Paint(!self.json && !plain && std::io::stdout().is_terminal()) }
    }
}

/// Says an answer.
pub(super) fn say_answer(answer: &Answer) -> Result<(), Failure> {
    print(answer.text.as_bytes())?;
    answer.notes.iter().for_each(|note| say(&format!("weir: note: {note}\n")));
    if answer.code == 0 { Ok(()) } else { Err(Failure::Found { code: answer.code }) }
}

/// Takes any word, and completes it with the names of registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegisterWord;

impl TypedValueParser for RegisterWord {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        // Those of an array are too many to choose from; their numbers are not hard to write.
        let single = REGISTERS.iter().filter(|register| !register.name.contains('['));
        Some(Box::new(single.map(|register| PossibleValue::new(register.name))))
    }
}
