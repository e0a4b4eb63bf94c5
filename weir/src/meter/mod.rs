//! The meter: driver, slow path and windows, wired together. What the daemon runs in its loop and
//! what a replay runs between packets.
//!
//! ```text
//!   poll ─┬─ punts ──▶ judge ──▶ slot (INSERT) and retry, or count here and inject with a verdict
//!         ├─ records ▶ fold into the window
//!         ├─ completions
//!         ├─ commit: everything above is one transaction
//!         └─ the oldest window has ended and all its punts are judged ─▶ publish, clear, expire
//! ```
//!
//! It has no clock and no threads: `poll` is called whenever the NIC interrupts. After a crash a new
//! meter on the same device goes on where the last commit was; a window whose publication was cut
//! short is published again, with the same sequence numbers.

mod ageing;
mod lost;
mod memory;
mod picture;
mod publish;
mod punts;
mod setup;

pub use lost::lost_window;
pub use memory::ArenaMemory;
pub use publish::{Sink, Subscription};
pub use setup::{EniSetup, MeterConfig};

use ageing::Ageing;
use driver::attach::AttachError;
use driver::device::Device;
use driver::frames::{InjectError, Punt};
use driver::offload::OffloadPolicy;
use driver::ring::{NoRoom, RingFault};
use driver::table::ArenaError;
use driver::verify::{Verification, VerifyError};
use driver::{Attached, CommandEvent, Cookie, Driver, Slot};
use firmware_abi::descriptor::{FlowRecord, Opcode};
use firmware_abi::key::Direction;
use firmware_abi::limits::{EniFlags, EniLimits};
use firmware_abi::ring::RingId;
use flowlog::flows::FlowId;
use flowlog::slowpath::{Port, SlowPath};
use flowlog::verdict::EniPolicy;
use flowlog::window::{RecordFault, Stage, Windows};
use std::rc::Rc;

/// Records that are taken in one transaction.
const RECORD_BATCH: usize = 256;
/// Completions that are taken in one transaction.
const COMPLETION_BATCH: usize = 256;
/// Rounds of one poll: an honest NIC, its rings full, needs a thousand.
const ROUNDS_MAX: u32 = 1 << 16;
/// Tallies that are cleared, flows that are looked at, in one transaction.
const CHORE_BATCH: usize = 512;

/// Polls that a change of rules may take for each of its transactions.
const POLLS_PER_CHANGE_MAX: u32 = 10_000;

/// Why a meter cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum MeterError<S: std::error::Error + 'static> {
    /// The NIC cannot be had.
    #[error("cannot attach to the NIC")]
    Attach(#[from] AttachError),
    /// The state that outlives the process.
    #[error("cannot use the host's state")]
    Arena(#[from] ArenaError),
    /// The NIC broke a rule of a ring.
    #[error("the NIC broke a rule")]
    Ring(#[from] RingFault),
    /// A frame could not be given back.
    #[error("a frame could not be given back to the NIC")]
    Inject(#[from] InjectError),
    /// A ring that the NIC should have emptied is full.
    #[error("the NIC does not take what it is given")]
    NoRoom(#[from] NoRoom),
    /// After a re-attach: the NIC's table is not what the host put there.
    #[error("the NIC's flow table is not what the host put there")]
    Verify(#[from] VerifyError),
    /// Whatever the host answers, the NIC asks again.
    #[error("the NIC still has work for the host after {rounds} rounds of one poll")]
    Restless {
        /// Rounds of the poll.
        rounds: u32,
    },
    /// Where the records go.
    #[error("cannot write records")]
    Sink(#[source] S),
}

/// What went wrong and was counted, since attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterFaults {
    /// Records that cannot be of an honest device.
    pub records: u64,
    /// The last of them.
    pub last_record: Option<RecordFault>,
    /// Commands that the NIC refused.
    pub commands: u64,
}

/// What the meter did, since attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterStatistics {
    /// Punts judged.
    pub punts: u64,
    /// Of these, given back to be looked up again.
    pub retries: u64,
    /// Flows put into the NIC.
    pub offloaded: u64,
    /// Flows that found no slot.
    pub no_slot: u64,
    /// Records folded.
    pub records: u64,
    /// Flows forgotten.
    pub expired: u64,
    /// Windows published.
    pub windows: u64,
}

/// The meter of one NIC.
pub struct Meter<D: Device + 'static> {
    driver: Driver<D>,
    slow: SlowPath<ArenaMemory<D>>,
    windows: Windows<ArenaMemory<D>>,
    offload: OffloadPolicy,
    ageing: Ageing,
    limits_connections: bool,
    flows_max: usize,
    subscriptions: Vec<Subscription>,
    ports: usize,
    verifying: bool,
    retry_slots: u32,
    retry_slots_max: u32,
    /// Offloads of each direction to leave out, after the table was full.
    full_waits: [u32; 2],
    closing: publish::Closing,
    /// The next punt is of a window that cannot be counted before the ended one is out.
    punt_waits: bool,
    /// ENIs that the NIC has not been told of, the last one first.
    untold: Vec<(u16, EniLimits, EniFlags)>,
    punts: Vec<Punt>,
    records: Vec<FlowRecord>,
    events: Vec<CommandEvent>,
    faults: MeterFaults,
    statistics: MeterStatistics,
    publisher: publish::Publisher,
}

impl<D: Device + 'static> Meter<D> {
    /// The meter of `device`, and how the NIC was found.
    ///
    /// # Errors
    /// When the NIC or the state cannot be had.
    pub fn attach<S: std::error::Error + 'static>(
        device: Rc<D>,
        config: &MeterConfig,
        enis: Vec<EniSetup>,
        subscriptions: Vec<Subscription>,
    ) -> Result<(Self, Attached), MeterError<S>> {
        let driver_config = setup::driver_config(config, &enis);
        let (mut driver, attached) = Driver::attach(device, &driver_config)?;
        let resumed = matches!(attached, Attached::Resumed);
        let mut untold = Vec::with_capacity(enis.len());
        for (vport, eni) in enis.iter().enumerate().rev() {
            driver.set_quota(vport as u16, eni.limits.slot_quota);
            let mut flags = EniFlags(0);
            flags.set_enabled(true);
            flags.set_bits_summed(eni.bits_summed);
            flags.set_instance(eni.instance);
            untold.push((vport as u16, eni.limits, flags));
        }
        let ports = enis
            .into_iter()
            .map(|eni| Port { policy: eni.policy, instance: usize::from(eni.instance) })
            .collect::<Vec<_>>();
        let port_count = ports.len();
        let mut memory = ArenaMemory(Rc::clone(driver.arena()));
        let (slow, windows) = setup::tables(&mut memory, config, ports)?;
        driver.commit();
        let slots = 1 << driver.sizes().slots_log2();
        let retry_slots_max = firmware_abi::ring::retry_reserve(config.rings.punt_log2);
        let mut meter = Self {
            driver,
            slow,
            windows,
            offload: config.offload,
            ageing: Ageing::new(slots, (config.start_time_ns / firmware_abi::time::SECOND_NS) as u32),
            limits_connections: config.connections_max.iter().any(|limit| *limit != 0),
            flows_max: config.flows,
            subscriptions,
            ports: port_count,
            verifying: resumed,
            // Those of an earlier process may still be on their way.
            retry_slots: if resumed { retry_slots_max } else { 0 },
            retry_slots_max,
            full_waits: [0; 2],
            closing: publish::Closing::default(),
            punt_waits: false,
            untold,
            punts: Vec::with_capacity(punts::BATCH),
            records: Vec::with_capacity(RECORD_BATCH),
            events: Vec::new(),
            faults: MeterFaults::default(),
            statistics: MeterStatistics::default(),
            publisher: publish::Publisher::default(),
        };
        if resumed {
            meter.heal();
        }
        for _ in 0..=port_count {
            if !meter.tell_enis() {
                break;
            }
        }
        Ok((meter, attached))
    }

    /// The driver.
    #[must_use]
    pub fn driver(&self) -> &Driver<D> {
        &self.driver
    }

    /// The driver, to command it beside the meter.
    pub fn driver_mut(&mut self) -> &mut Driver<D> {
        &mut self.driver
    }

    /// What went wrong.
    #[must_use]
    pub fn faults(&self) -> MeterFaults {
        self.faults
    }

    /// What was done.
    #[must_use]
    pub fn statistics(&self) -> MeterStatistics {
        self.statistics
    }

    /// Flows that the host knows.
    #[must_use]
    pub fn flows_known(&self) -> u32 {
        self.slow.flows.used()
    }

    /// When the oldest window that is not published started, Unix ns: all before is out.
    #[must_use]
    pub fn open_since_ns(&self) -> u64 {
        self.windows.start_ns()
    }

    /// Whether a re-attached NIC's table is still being read back.
    #[must_use]
    pub fn is_verifying(&self) -> bool {
        self.verifying
    }

    /// Takes in all that the NIC has to say at `now_ns`, and publishes windows that are complete.
    ///
    /// # Errors
    /// When the NIC breaks a rule that nothing can be built on, or records cannot be written.
    pub fn poll<S: Sink>(&mut self, now_ns: u64, sink: &mut S) -> Result<(), MeterError<S::Error>> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return Err(MeterError::Restless { rounds: ROUNDS_MAX });
            }
            if self.window_is_complete()? {
                self.windows.begin_publication();
                self.commit();
            }
            self.finish_window(sink)?;
            let punts = self.take_punts()?;
            let records = self.take_records();
            let answers = self.take_answers();
            if self.verifying {
                self.verifying = self.driver.verify()? != Verification::Done;
            }
            self.tell_changes();
            self.tell_enis();
            self.commit();
            if punts + records + answers == 0 && !self.window_is_complete()? {
                break;
            }
        }
        if self.windows.stage() == Stage::Open {
            self.expire_some((now_ns / firmware_abi::time::SECOND_NS) as u32);
        }
        self.age(now_ns);
        Ok(())
    }

    /// Makes what was done permanent, and rings the doorbells.
    fn commit(&mut self) {
        self.slow.flows.settle();
        self.windows.settle();
        self.driver.commit();
    }

    fn take_records(&mut self) -> usize {
        let first = self.driver.record_index();
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        // The next window's drain waits until the ended one is out, but not what it evicts: commands
        // would wait for that, and retries for those commands.
        let count = if self.windows.stage() == Stage::Open {
            self.driver.records(&mut records, RECORD_BATCH)
        } else {
            self.driver.extracted_records(&mut records, RECORD_BATCH)
        };
        let faults = &mut self.faults;
        self.windows.fold_all(&records, &self.slow.flows, |fault| {
            faults.records += 1;
            faults.last_record = Some(fault);
        });
        self.statistics.records += count as u64;
        self.records = records;
        self.driver.record_index().wrapping_sub(first) as usize
    }

    fn take_answers(&mut self) -> usize {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let count = self.driver.completions(COMPLETION_BATCH, |event| events.push(event));
        for event in &events {
            match *event {
                CommandEvent::Failed { opcode: Opcode::Insert, cookie, .. } => {
                    self.faults.commands += 1;
                    self.forget_slot(cookie);
                }
                CommandEvent::Failed { .. } => self.faults.commands += 1,
                CommandEvent::ActivityRead { .. }
                | CommandEvent::Removed { .. }
                | CommandEvent::EniSet { .. }
                | CommandEvent::Fenced(_) => {}
            }
        }
        // Last, since many removals are more than one transaction.
        for event in &events {
            if let CommandEvent::ActivityRead { direction } = *event {
                self.remove_idle(direction);
            }
        }
        self.events = events;
        count
    }

    fn forget_slot(&mut self, cookie: Cookie) {
        if let Some(flow) = self.slow.flows.checked(cookie.0) {
            self.slow.set_slot(flow, None);
        }
    }

    /// Tells the NIC of flows whose verdict turned, as far as there is room; the others stay noted.
    fn tell_changes(&mut self) {
        if !self.slow.has_changes() {
            return;
        }
        let changes = self.slow.take_changes();
        for (index, change) in changes.iter().enumerate() {
            let flow = self.slow.flows.get(change.flow);
            let Some(slot) = flow.slot() else { continue };
            let key = self.slow.flows.get(change.cookie).hardware_key();
            if self.driver.update(Slot(slot), key, Cookie(change.cookie.0)).is_err() {
                return self.slow.put_back_changes(&changes[index..]);
            }
        }
    }

    /// Tells the NIC of its ENIs, as far as there is room; whether there are more.
    fn tell_enis(&mut self) -> bool {
        let Some((vport, limits, flags)) = self.untold.last().copied() else { return false };
        let mut next = Some((vport, limits, flags));
        while let Some((vport, limits, flags)) = next
            && self.driver.set_eni(vport, limits, flags).is_ok()
        {
            self.untold.pop();
            next = self.untold.last().copied();
        }
        self.commit();
        !self.untold.is_empty()
    }

    /// Gives an ENI other rules. Every flow that the NIC holds is judged by them before this returns.
    ///
    /// # Errors
    /// When the NIC does not take the changes.
    pub fn set_policy<S: Sink>(
        &mut self,
        vport: usize,
        policy: EniPolicy,
        now_ns: u64,
        sink: &mut S,
    ) -> Result<(), MeterError<S::Error>> {
        // What the NIC has punted so far was sent under the old rules.
        self.poll(now_ns, sink)?;
        self.slow.set_policy(vport, policy);
        let seconds = (now_ns / firmware_abi::time::SECOND_NS) as u32;
        let ids: Vec<FlowId> = self.slow.flows.ids().collect();
        for chunk in ids.chunks(64) {
            for id in chunk {
                self.slow.review(*id, seconds);
            }
            self.tell_changes();
            self.commit();
            // Commands wait for room in the record ring.
            for _ in 0..POLLS_PER_CHANGE_MAX {
                if !self.slow.has_changes() {
                    break;
                }
                self.poll(now_ns, sink)?;
            }
            if self.slow.has_changes() {
                return Err(NoRoom { ring: RingId::Command }.into());
            }
        }
        self.poll(now_ns, sink)
    }

    /// After a crash: a verdict may have turned for which the command ring had no room.
    fn heal(&mut self) {
        let slots = 1 << self.driver.sizes().slots_log2();
        for direction in Direction::ALL {
            for slot in 0..slots {
                let cookie = self.driver.flow_in(direction, Slot(slot));
                if let Some(flow) = cookie.and_then(|cookie| self.slow.flows.checked(cookie.0)) {
                    self.slow.reconcile(flow);
                }
            }
        }
        self.tell_changes();
        self.commit();
    }
}
