//! Everything that can be looked at without changing anything.
//!
//! Plain data, for a diagnostic tool to show or save. Write-only registers are never read. Latching
//! the counters writes SNAPSHOT, which moves nothing but the latched copies.

use crate::regio::RegIo;
use crate::ring::RingState;
use crate::slots::{Cookie, Slot, SlotCounters};
use firmware_abi::key::Direction;
use firmware_abi::registers::{Access, REGISTERS};

/// A register's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterValue {
    /// Its name.
    pub name: &'static str,
    /// Bytes from the start of BAR0.
    pub offset: u32,
    /// What it reads.
    pub value: u32,
    /// Its fields, lowest first.
    pub fields: Vec<FieldValue>,
}

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub value: u32,
    /// What the number is called, if it is one of an enumeration.
    pub meaning: Option<&'static str>,
}

/// An occupied or leaving slot, as the host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotValue {
    /// Its table.
    pub direction: Direction,
    /// The slot.
    pub slot: Slot,
    /// The flow in it.
    pub cookie: Cookie,
    /// The flow's virtual port.
    pub vport: u16,
    /// The NIC was told to empty it and has not confirmed.
    pub is_leaving: bool,
}

/// What the NIC did that it must not do, since attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceFaults {
    /// Completions with an unknown opcode or status, or a slot past the table.
    pub completions: u64,
    /// Entries or indices that break a rule of their ring.
    pub rings: u64,
}

/// A picture of the NIC and of the driver's idea of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// All registers that can be read, by rising offset.
    pub registers: Vec<RegisterValue>,
    /// The rings.
    pub rings: Vec<RingState>,
    /// The tables, ingress first.
    pub tables: [SlotCounters; 2],
    /// Slots in use, ingress first.
    pub slots: Vec<SlotValue>,
    /// What the NIC did wrong.
    pub faults: DeviceFaults,
}

/// All registers that can be read. Needs no driver, so it also works on a NIC that refuses one.
pub fn registers<I: RegIo>(io: &I) -> Vec<RegisterValue> {
    let readable = REGISTERS.iter().filter(|register| register.access != Access::WriteOnly);
    readable
        .map(|register| {
            let value = io.load(register.offset);
            let fields = register.fields.iter().filter(|field| field.access != Access::WriteOnly);
            let fields = fields.map(|field| {
                let number = field.extract(value);
                let meaning = field.values.iter().find(|known| known.value == number).map(|known| known.name);
                FieldValue { name: field.name, value: number, meaning }
            });
            RegisterValue { name: register.name, offset: register.offset, value, fields: fields.collect() }
        })
        .collect()
}
