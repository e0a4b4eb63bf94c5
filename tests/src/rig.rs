//! A card, a meter on it, and the meter's deaths.
//!
//! The card outlives everything, as hardware and shared memory do. The meter dies where a seeded
//! fuse says so, also while it attaches, and a new one takes its place: at once, or after an absence
//! during which the NIC goes on alone.

use crate::archive::Archive;
use crate::nic;
use crate::scenario::{START_NS, Scenario, policy};
use driver::Attached;
use firmware_abi::key::Direction;
use firmware_abi::time::SECOND_NS;
use sim::card::{Card, Frame, SimDevice};
use sim::faults::{Crashed, Crashing, Fuse, LostInterrupts, Numbers, run_until_crash};
use std::convert::Infallible;
use std::ops::Range;
use std::rc::Rc;
use weir::meter::{Meter, MeterConfig, MeterError};

/// Frames that the NIC gets at a time.
const BATCH: usize = 32;
/// Steps that no single call of a meter takes: more is an endless loop.
const STEPS_MAX: u64 = 20_000_000;

/// When a meter dies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deaths {
    /// How often at most.
    pub most: u64,
    /// Steps between two deaths, on average.
    pub steps_apart: u64,
    /// Longest absence after one, ns of the NIC's time; 0: the next meter is there at once.
    pub absence_ns_max: u64,
    /// Of a thousand interrupts, how many are lost.
    pub lost_interrupts_permille: u64,
    /// The only death is at this step.
    pub only_at: Option<u64>,
}

/// What a run came to, besides the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deaths.
    pub deaths: u64,
    /// Of these, while attaching.
    pub deaths_in_attach: u64,
    /// Flows moved to their other bucket.
    pub moves: u64,
    /// Flows put into the NIC.
    pub offloaded: u64,
    /// Flows that found no slot.
    pub no_slot: u64,
    /// Frames sent back for another look.
    pub retries: u64,
    /// Flows forgotten.
    pub expired: u64,
    /// Rule changes.
    pub changes: u32,
    /// Records that cannot be, commands that were refused, lies of the device.
    pub faults: u64,
}

type Device = Crashing<SimDevice>;

/// A run under way.
pub struct Rig {
    scenario: Scenario,
    /// The card.
    pub card: Rc<Card>,
    device: Rc<SimDevice>,
    fuse: Rc<Fuse>,
    meter: Option<Meter<Device>>,
    /// What came out.
    pub archive: Archive,
    numbers: Numbers,
    deaths: Deaths,
    interrupts: LostInterrupts,
    rules: Vec<(u64, u32)>,
    absent_until_ns: u64,
    was_attached: bool,
    /// How the NIC was found last.
    pub attached: Option<Attached>,
    /// Ways to find it that are no failure, besides going on.
    pub may_be_found: fn(&Attached) -> bool,
    /// What happened.
    pub tally: Tally,
}

/// Runs `scenario` from its first frame to the publication of its last window.
///
/// # Panics
/// When anything fails that must not; the message has the seed and the step of the last death.
#[must_use]
pub fn run(scenario: &Scenario, deaths: Deaths) -> Rig {
    let mut rig = Rig::new(scenario, deaths);
    rig.play();
    rig
}

impl Rig {
    /// A card after power-on, with no meter.
    ///
    /// # Panics
    /// When no NIC has the scenario's parameters.
    #[must_use]
    pub fn new(scenario: &Scenario, deaths: Deaths) -> Self {
        Self::on(nic::card(scenario.parameters), scenario, deaths)
    }

    /// The same on this card.
    #[must_use]
    pub fn on(card: Rc<Card>, scenario: &Scenario, deaths: Deaths) -> Self {
        let fuse = Fuse::new();
        Self {
            device: Rc::new(card.device()),
            card,
            meter: None,
            archive: Archive::new(Rc::clone(&fuse)),
            fuse,
            numbers: Numbers::new(scenario.seed ^ 0x6465_6174_6873),
            interrupts: LostInterrupts::new(scenario.seed, deaths.lost_interrupts_permille),
            deaths,
            rules: vec![(0, 1); usize::from(scenario.ports)],
            absent_until_ns: 0,
            was_attached: false,
            attached: None,
            may_be_found: |_| false,
            tally: Tally::default(),
            scenario: scenario.clone(),
        }
    }

    /// Sends all frames and lets the last window end.
    ///
    /// # Panics
    /// As [`run`].
    pub fn play(&mut self) {
        self.light();
        self.present();
        self.play_frames(0..self.scenario.traffic.packets as usize);
        self.finish();
    }

    /// Sends some of the frames.
    ///
    /// # Panics
    /// As [`run`].
    pub fn play_frames(&mut self, which: Range<usize>) {
        let (frames, ways) = self.scenario.frames();
        let mut ready: Vec<Frame<'_>> = Vec::with_capacity(BATCH);
        let all = frames.iter().zip(ways).enumerate();
        for (number, (frame, (vport, direction))) in all.skip(which.start).take(which.len()) {
            if self.scenario.frames_per_change.is_some_and(|every| number % every == every - 1) {
                self.offer(&ready);
                ready.clear();
                self.change_rules(frame.time_ns);
            }
            if ready.len() == BATCH {
                self.offer(&ready);
                ready.clear();
            }
            let (time_ns, wire_length, bytes) = (frame.time_ns, frame.wire_length, frame.bytes);
            ready.push(Frame { time_ns, wire_length, bytes, vport, direction });
        }
        self.offer(&ready);
    }

    /// The meter dies, and no other comes before `until_ns`.
    pub fn leave(&mut self, until_ns: u64) {
        self.meter = None;
        self.absent_until_ns = until_ns;
    }

    /// The meter is there but does not get to run before `until_ns`.
    pub fn sleep(&mut self, until_ns: u64) {
        self.absent_until_ns = until_ns;
    }

    /// From now on another archive is written; the one so far.
    pub fn change_archive(&mut self) -> Archive {
        std::mem::replace(&mut self.archive, Archive::new(Rc::clone(&self.fuse)))
    }

    /// Lets the open window end, and waits until it is published.
    ///
    /// # Panics
    /// When it is not published in time.
    pub fn finish(&mut self) {
        let window_ns = u64::from(self.scenario.meter.window_seconds) * SECOND_NS;
        let end_ns = (self.card.now_ns() / window_ns + 1) * window_ns;
        self.advance(end_ns);
        self.absent_until_ns = 0;
        self.poll();
        let mut now_ns = end_ns;
        while self.present().open_since_ns() < end_ns {
            now_ns += SECOND_NS / 100;
            assert!(now_ns < end_ns + 5 * SECOND_NS, "{}: a window was never published", self.place());
            self.advance(now_ns);
            self.poll();
        }
        self.fuse.put_out();
        if let Some(meter) = self.meter.take() {
            self.take_leave(&meter);
        }
    }

    /// Gives the NIC frames; the meter runs where it interrupts.
    pub fn offer(&mut self, frames: &[Frame<'_>]) {
        let card = Rc::clone(&self.card);
        let done: Result<(), Infallible> = card.offer(frames, || {
            self.interrupted();
            Ok(())
        });
        done.unwrap_or_else(|never| match never {});
    }

    /// Lets time pass; the meter runs where the NIC interrupts it.
    pub fn advance(&mut self, until_ns: u64) {
        let card = Rc::clone(&self.card);
        let done: Result<(), Infallible> = card.advance(until_ns, || {
            self.interrupted();
            Ok(())
        });
        done.unwrap_or_else(|never| match never {});
    }

    fn interrupted(&mut self) {
        if self.card.now_ns() >= self.absent_until_ns && !self.interrupts.next_is_lost() {
            self.poll();
        }
    }

    /// One poll, however many meters die over it.
    ///
    /// # Panics
    /// When a poll fails.
    pub fn poll(&mut self) {
        self.until_done("poll", |meter, now_ns, archive| meter.poll(now_ns, archive));
    }

    /// Changes the rules of an ENI, as often as it takes.
    fn change_rules(&mut self, now_ns: u64) {
        self.absent_until_ns = 0;
        self.advance(now_ns);
        self.poll();
        self.tally.changes += 1;
        // Chosen by the number of the change alone, so that deaths change nothing about it.
        let mut numbers = Numbers::new(self.scenario.seed.wrapping_add(u64::from(self.tally.changes)));
        let vport = numbers.below(self.scenario.ports.into()) as usize;
        let (variant, epoch) = (numbers.below(8), self.tally.changes + 1);
        let stateful = self.scenario.stateful;
        self.until_done("rule change", |meter, now_ns, archive| {
            meter.set_policy(vport, policy(variant, epoch, stateful), now_ns, archive)
        });
        self.rules[vport] = (variant, epoch);
    }

    fn until_done(
        &mut self,
        what: &str,
        call: impl Fn(&mut Meter<Device>, u64, &mut Archive) -> Result<(), MeterError<Infallible>>,
    ) {
        loop {
            self.present();
            let now_ns = self.card.now_ns();
            let (meter, archive) = (self.meter.as_mut().expect("it is present"), &mut self.archive);
            match run_until_crash(|| call(meter, now_ns, archive)) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => panic!("{}: {what}: {error:?}", self.place()),
                Err(crash) => self.bury(crash),
            }
            if self.absent_until_ns > self.card.now_ns() && what == "poll" {
                return;
            }
        }
    }

    /// The meter; a new one if there is none.
    ///
    /// # Panics
    /// When it cannot attach.
    pub fn present(&mut self) -> &mut Meter<Device> {
        while self.meter.is_none() {
            let device = Rc::new(Crashing::new(Rc::clone(&self.device), Rc::clone(&self.fuse)));
            let (enis, streams) = (self.scenario.enis(&self.rules), self.scenario.subscriptions());
            let start_time_ns = self.card.now_ns().max(START_NS);
            let config = MeterConfig { start_time_ns, ..self.scenario.meter.clone() };
            match run_until_crash(|| Meter::attach::<Infallible>(device, &config, enis, streams)) {
                Ok(Ok((meter, attached))) => self.welcome(meter, attached),
                Ok(Err(error)) => panic!("{}: attach: {error:?}", self.place()),
                Err(crash) => {
                    self.tally.deaths_in_attach += 1;
                    self.bury(crash);
                }
            }
        }
        self.meter.as_mut().expect("it was just made")
    }

    fn welcome(&mut self, meter: Meter<Device>, attached: Attached) {
        let may_be_fresh = !self.was_attached && attached == Attached::Fresh;
        let expected = may_be_fresh || attached == Attached::Resumed || (self.may_be_found)(&attached);
        assert!(expected, "{}: {attached:?}", self.place());
        self.was_attached = true;
        self.attached = Some(attached);
        self.meter = Some(meter);
    }

    /// Attaches a meter that dies at its `step`-th step, if it gets that far; whether it survived.
    ///
    /// # Panics
    /// When it cannot attach.
    pub fn attach_dying_at(&mut self, step: u64) -> bool {
        self.fuse.light(step);
        let device = Rc::new(Crashing::new(Rc::clone(&self.device), Rc::clone(&self.fuse)));
        let (enis, streams) = (self.scenario.enis(&self.rules), self.scenario.subscriptions());
        let config = self.scenario.meter.clone();
        match run_until_crash(|| Meter::attach::<Infallible>(device, &config, enis, streams)) {
            Ok(Ok((meter, attached))) => {
                self.fuse.light(STEPS_MAX);
                self.absent_until_ns = 0;
                self.welcome(meter, attached);
                true
            }
            Ok(Err(error)) => panic!("{}: attach: {error:?}", self.place()),
            Err(_) => false,
        }
    }

    fn bury(&mut self, crash: Crashed) {
        self.tally.deaths += 1;
        let most = self.deaths.most.max(u64::from(self.deaths.only_at.is_some()));
        assert!(self.tally.deaths <= most, "{}: no end after step {}", self.place(), crash.step);
        if let Some(meter) = self.meter.take() {
            self.take_leave(&meter);
        }
        self.archive.process_died();
        if self.deaths.absence_ns_max > 0 && self.numbers.happens(300) {
            self.absent_until_ns = self.card.now_ns() + self.numbers.below(self.deaths.absence_ns_max);
        }
        self.light();
    }

    /// Adds up what a meter has done.
    fn take_leave(&mut self, meter: &Meter<Device>) {
        let (statistics, faults) = (meter.statistics(), meter.faults());
        let tally = &mut self.tally;
        tally.offloaded += statistics.offloaded;
        tally.no_slot += statistics.no_slot;
        tally.retries += statistics.retries;
        tally.expired += statistics.expired;
        tally.moves +=
            Direction::ALL.map(|direction| meter.driver().slot_counters(direction).moves).iter().sum::<u64>();
        let lies = meter.driver().faults();
        let all = faults.records + faults.commands + lies.completions + lies.rings;
        assert_eq!(all, 0, "{}: {faults:?} {lies:?}", self.place());
    }

    /// Decides when the next death is.
    fn light(&mut self) {
        if let Some(step) = self.deaths.only_at.filter(|_| self.tally.deaths == 0) {
            return self.fuse.light(step);
        }
        if self.tally.deaths >= self.deaths.most {
            // A watchdog: no call takes that long.
            return self.fuse.light(STEPS_MAX);
        }
        let steps = match self.numbers.below(8) {
            // In the middle of the next attach, or right after it.
            0 | 1 => self.numbers.below(60),
            2 | 3 => self.numbers.below(1_000),
            _ => self.numbers.below(3 * self.deaths.steps_apart + 1),
        };
        self.fuse.light(steps);
    }

    /// A counter of the hardware, by its name.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn counter(&mut self, name: &str) -> u64 {
        let counters = self.present().driver().counters();
        counters.iter().find(|counter| counter.name == name).expect("it has such a counter").value
    }

    /// Steps that all meters took together.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.fuse.steps()
    }

    /// Where a failure is to be looked for.
    #[must_use]
    pub fn place(&self) -> String {
        let after_ms = self.card.now_ns().saturating_sub(START_NS) / 1_000_000;
        let (seed, deaths, step) = (self.scenario.seed, self.tally.deaths, self.fuse.steps());
        format!("seed {seed}, {after_ms} ms after the start, {deaths} deaths, step {step}")
    }
}
