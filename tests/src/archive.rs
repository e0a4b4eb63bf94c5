//! What a meter has delivered, after deduplication: the only thing that its deaths may not change.

use firmware_abi::key::Direction;
use flowlog::conservation::{Amount, Proof};
use flowlog::record::{Action, Entry, FlowFacts, WindowBounds};
use flowlog::window::Sealed;
use sim::faults::Fuse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::rc::Rc;
use weir::meter::Sink;

/// Stream, start of the window, sequence: what a record is told apart by.
pub type DedupeKey = (usize, u64, u64);
/// Start of the window, the key that is compared, action.
pub type SumKey = (u64, [u64; 5], &'static str);

/// A sink that remembers. Storing is a step of the process, which may die before or after it.
#[derive(Debug)]
pub struct Archive {
    fuse: Rc<Fuse>,
    records: BTreeMap<DedupeKey, (WindowBounds, FlowFacts)>,
    statuses: BTreeMap<(usize, u64), String>,
    seals: BTreeMap<u64, (u64, String, Vec<Proof>)>,
    /// Given in the publication that is under way.
    under_way: BTreeSet<DedupeKey>,
    repeated: u64,
}

impl Archive {
    /// An empty one, whose steps burn `fuse`.
    #[must_use]
    pub fn new(fuse: Rc<Fuse>) -> Self {
        Self {
            fuse,
            records: BTreeMap::new(),
            statuses: BTreeMap::new(),
            seals: BTreeMap::new(),
            under_way: BTreeSet::new(),
            repeated: 0,
        }
    }

    /// The process that was delivering has died.
    pub fn process_died(&mut self) {
        self.under_way.clear();
    }

    /// Records that were delivered once more.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Windows that were sealed.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.seals.len()
    }

    /// Records, each once.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// NODATA and SKIPDATA entries by stream and start of the window.
    #[must_use]
    pub fn statuses(&self) -> &BTreeMap<(usize, u64), String> {
        &self.statuses
    }

    /// All proofs, oldest window first.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.seals.values().flat_map(|(_, _, proofs)| proofs)
    }

    /// Every record without its number, sorted: what was said, whatever the order.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let mut said: Vec<String> = self
            .records
            .iter()
            .map(|((stream, ..), (bounds, facts))| {
                format!("{stream} {bounds:?} {:?}", FlowFacts { sequence: 0, ..*facts })
            })
            .collect();
        said.sort_unstable();
        said
    }

    /// Everything, in the order of dedupe keys: equal for runs that did the same.
    #[must_use]
    pub fn trace(&self) -> String {
        format!("{:#?}\n{:#?}\n{:#?}", self.records, self.statuses, self.seals)
    }

    /// Packets and bytes by window, key and action.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<SumKey, Amount> {
        let mut sums: BTreeMap<SumKey, Amount> = BTreeMap::new();
        for (bounds, facts) in self.records.values() {
            let key = (bounds.start_ns, facts.key.identity(), facts.action.as_str());
            sums.entry(key).or_default().add(facts.packets, facts.bytes);
        }
        sums
    }

    /// Packets and bytes by key and action, over all windows: their starts are 0.
    #[must_use]
    pub fn sums_of_all(&self) -> BTreeMap<SumKey, Amount> {
        let mut all: BTreeMap<SumKey, Amount> = BTreeMap::new();
        for ((_, key, action), sum) in self.sums() {
            all.entry((0, key, action)).or_default().add(sum.packets, sum.bytes);
        }
        all
    }

    /// The sum of a term over all windows and proofs.
    pub fn total(&self, term: impl Fn(&Proof) -> u64) -> u64 {
        self.proofs().map(term).sum()
    }

    /// Checks what must hold of any run: windows without gaps, numbers without gaps, residuals of 0,
    /// and sums that are those of the records that were delivered.
    ///
    /// # Panics
    /// When something does not.
    pub fn check(&self) {
        self.check_windows();
        self.check_numbers();
        let mut sums: BTreeMap<(u64, u16, usize, Action), Amount> = BTreeMap::new();
        for (bounds, facts) in self.records.values() {
            let (vport, direction) = (facts.key.port.vport(), facts.key.port.direction().index());
            let sum = sums.entry((bounds.start_ns, vport, direction, facts.action)).or_default();
            sum.add(facts.packets, facts.bytes);
        }
        for (start_ns, (_, _, proofs)) in &self.seals {
            for Proof { vport, direction, equation, .. } in proofs {
                let place = format!("window at {start_ns}, port {vport}, {direction:?}");
                assert_eq!(equation.residual(), (0, 0), "{place}: {equation:#?}");
                let delivered =
                    |action| sums.get(&(*start_ns, *vport, direction.index(), action)).copied().unwrap_or_default();
                assert_eq!(delivered(Action::Accept), equation.accepted, "{place}: delivered ACCEPT records");
                assert_eq!(delivered(Action::Reject), equation.rejected, "{place}: delivered REJECT records");
            }
        }
        assert!(
            self.records.values().all(|(bounds, _)| self.seals.contains_key(&bounds.start_ns)),
            "every record's window is sealed"
        );
    }

    fn check_windows(&self) {
        let mut before: Option<&str> = None;
        for (expected, (index, bounds, _)) in (0..).zip(self.seals.values()) {
            assert_eq!(*index, expected, "windows are numbered without gaps: {bounds} after {before:?}");
            before = Some(bounds);
        }
    }

    fn check_numbers(&self) {
        let mut next: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        for (stream, start_ns, sequence) in self.records.keys() {
            let next = next.entry((*stream, *start_ns)).or_default();
            assert_eq!(sequence, next, "stream {stream}, window at {start_ns}: numbers have no gap");
            *next += 1;
        }
    }
}

impl Sink for Archive {
    type Error = Infallible;

    fn entry(&mut self, stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), Infallible> {
        self.fuse.burn();
        match entry {
            Entry::Flow(facts) => {
                let key = (stream, window.start_ns, facts.sequence);
                assert!(self.under_way.insert(key), "{key:?} was given twice in one publication");
                if let Some(before) = self.records.insert(key, (*window, **facts)) {
                    self.repeated += 1;
                    assert_eq!(before, (*window, **facts), "{key:?} came again and was another");
                }
            }
            Entry::NoData | Entry::SkipData(_) => {
                let now = format!("{entry:?}");
                if let Some(before) = self.statuses.insert((stream, window.start_ns), now.clone()) {
                    assert_eq!(before, now, "a status of stream {stream} came again and was another");
                }
            }
        }
        self.fuse.burn();
        Ok(())
    }

    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Infallible> {
        self.fuse.burn();
        let now = (sealed.index, format!("{sealed:?}"), sealed.proofs.clone());
        if let Some(before) = self.seals.insert(sealed.bounds.start_ns, now) {
            assert_eq!(before.1, format!("{sealed:?}"), "a seal came again and was another");
        }
        self.under_way.clear();
        self.fuse.burn();
        Ok(())
    }
}

/// The equation's left side of a proof in packets, if it is of `vport` and `direction`; else 0.
#[must_use]
pub fn offered(proof: &Proof, vport: u16, direction: Direction) -> u64 {
    if (proof.vport, proof.direction) == (vport, direction) { proof.equation.offered.packets } else { 0 }
}
