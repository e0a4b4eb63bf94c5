//! Flows by number: their keys, their frames, and a driver that has put them into a card's tables.

use driver::attach::Config;
use driver::slots::Slot;
use driver::{CommandEvent, Cookie, Driver, Offload};
use firmware_abi::hash::{buckets, h3};
use firmware_abi::key::{Direction, FlowKey, protocol};
use firmware_abi::limits::{EniFlags, EniLimits};
use sim::card::{Card, SimDevice};
use std::rc::Rc;

/// Where the time of a card starts, Unix ns.
pub const START_NS: u64 = 1_700_000_000_000_000_000;
/// Flows between two looks at the answers.
const AT_ONCE: u32 = 512;

/// The key of a flow.
#[must_use]
pub fn key(direction: Direction, flow: u32) -> FlowKey {
    let mut key = FlowKey { src_port: 50_000, dst_port: 443, protocol: protocol::TCP, ..FlowKey::default() };
    // An odd factor, so no two are the same. The hash is linear: numbers in a row would share few buckets.
    key.src[..4].copy_from_slice(&flow.wrapping_mul(0x9e37_79b1).to_be_bytes());
    key.dst[..4].copy_from_slice(&[192, 168, 0, 1]);
    key.port.set_egress(direction == Direction::Egress);
    key
}

/// Makes of `frame`, which is empty, a TCP packet of a flow with ACK set, of `bytes` bytes, at least 60.
pub fn write_frame(frame: &mut Vec<u8>, flow: u32, bytes: usize) {
    let key = key(Direction::Ingress, flow);
    frame.resize(bytes, 0);
    frame[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());
    frame[14] = 0x45;
    frame[16..18].copy_from_slice(&(bytes as u16 - 14).to_be_bytes());
    frame[23] = protocol::TCP;
    frame[26..30].copy_from_slice(&key.src[..4]);
    frame[30..34].copy_from_slice(&key.dst[..4]);
    frame[34..36].copy_from_slice(&key.src_port.to_be_bytes());
    frame[36..38].copy_from_slice(&key.dst_port.to_be_bytes());
    frame[47] = 0x10;
}

/// A driver and where it has put flows, by direction and number.
pub struct Flows {
    /// Of one ENI, port 0.
    pub driver: Driver<SimDevice>,
    slots: [Vec<Slot>; 2],
    slots_log2: u32,
}

impl Flows {
    /// The flows below `flows` in both tables of a card that was powered on.
    ///
    /// # Panics
    /// When they find no place.
    #[must_use]
    pub fn new(card: &Rc<Card>, slots_log2: u32, flows: u32) -> Self {
        let config = Config { start_time_ns: START_NS, ..Config::default() };
        let (mut driver, _) = Driver::attach(Rc::new(card.device()), &config).expect("attach");
        let mut flags = EniFlags(0);
        flags.set_enabled(true);
        driver.set_eni(0, EniLimits::default(), flags).expect("room for a command");
        let mut all = Self { driver, slots: Default::default(), slots_log2 };
        for direction in Direction::ALL {
            for flow in 0..flows {
                let slot = all.insert(direction, flow).expect("a slot, and room for the command");
                all.slots[direction.index()].push(slot);
                if flow % AT_ONCE == AT_ONCE - 1 {
                    all.take_answers();
                }
            }
        }
        all.take_answers();
        all
    }

    /// How many there are in each direction.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.slots[0].len() as u32
    }

    /// Where a flow is.
    ///
    /// # Panics
    /// When there is no such flow.
    #[must_use]
    pub fn slot(&self, direction: Direction, flow: u32) -> Slot {
        self.slots[direction.index()][flow as usize]
    }

    /// Gives a flow a slot, unless there is none, or no room for the command.
    ///
    /// # Panics
    /// When the NIC broke a rule of the command ring.
    pub fn insert(&mut self, direction: Direction, flow: u32) -> Option<Slot> {
        let key = key(direction, flow);
        let wanted = buckets(h3(&key.identity()), self.slots_log2);
        let key_of = |cookie: Cookie| Some(self::key(direction, cookie.0));
        let placed = self.driver.insert(key, Cookie(flow), wanted, key_of).expect("an honest NIC");
        let Offload::Placed(placement) = placed else { return None };
        for step in placement.moves.iter() {
            if let Some(slot) = self.slots[direction.index()].get_mut(step.cookie.0 as usize) {
                *slot = step.to;
            }
        }
        Some(placement.slot)
    }

    /// Commits, and takes the answers to commands.
    ///
    /// # Panics
    /// When one was refused.
    pub fn take_answers(&mut self) {
        self.driver.commit();
        self.driver.completions(usize::MAX, |event| {
            assert!(!matches!(event, CommandEvent::Failed { .. }), "{event:?}");
        });
        self.driver.commit();
    }
}
