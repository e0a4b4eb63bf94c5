//! Publication: a complete window becomes records and a proof.

use super::{Meter, MeterError};
use driver::device::Device;
use driver::ring::RingFault;
use flowlog::conservation::Amount;
use flowlog::flows::{Flow, FlowId};
use flowlog::record::{Entry, FlowFacts, WindowBounds};
use flowlog::window::{Sealed, Stage, Tally};

/// Records that are handed over together.
const BATCH: usize = 64;

/// Where published windows go. Delivery is at least once: after a crash a window may come again,
/// with the same numbers and in the same order.
pub trait Sink {
    /// Why it could not take something.
    type Error: std::error::Error + 'static;

    /// A record of stream `stream`, the number of its [`Subscription`].
    ///
    /// # Errors
    /// When it cannot be written: the window will be published again.
    fn entry(&mut self, stream: usize, window: &WindowBounds, entry: &Entry<'_>) -> Result<(), Self::Error>;

    /// Records of flows of stream `stream`, in order.
    ///
    /// # Errors
    /// As for [`Self::entry`].
    fn flows(&mut self, stream: usize, window: &WindowBounds, flows: &[FlowFacts]) -> Result<(), Self::Error> {
        flows.iter().try_for_each(|facts| self.entry(stream, window, &Entry::Flow(facts)))
    }

    /// All records of the window were given.
    ///
    /// # Errors
    /// When it cannot be written: the window will be published again.
    fn sealed(&mut self, sealed: &Sealed) -> Result<(), Self::Error>;
}

/// Which records of an ENI a stream wants.
type Filter = Box<dyn Fn(&FlowFacts) -> bool>;

/// A stream of records: those of an ENI, or some of them.
pub struct Subscription {
    /// The ENI's number.
    pub vport: u16,
    /// Which; all without.
    pub filter: Option<Filter>,
}

/// Buffers of publication.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    sums: Vec<[Amount; 2]>,
    order: Vec<(FlowId, Tally)>,
    facts: Vec<FlowFacts>,
}

/// What an ended window waits for; looked for anew after a restart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closing {
    /// Injects before this index may be retries of the window. Later ones are not.
    injects: Option<u32>,
    /// All punts of the window lie before this index: those retries are back, or were counted.
    punts: Option<u32>,
    /// Punts of the window lie behind some that cannot be counted before it is published.
    pub(super) rotate: bool,
}

impl<D: Device + 'static> Meter<D> {
    /// Whether the oldest window has ended and all its punts have been judged. To be asked while no
    /// transaction is open.
    pub(super) fn window_is_complete(&mut self) -> Result<bool, RingFault> {
        if self.windows.stage() != Stage::Ended {
            return Ok(false);
        }
        let injects = *self.closing.injects.get_or_insert(self.driver.inject_index());
        let punts = match self.closing.punts {
            Some(punts) => punts,
            None if self.driver.has_taken_injects(injects)? => self.driver.punt_producer()?,
            None => return Ok(false),
        };
        self.closing.punts = Some(punts);
        if self.driver.punt_index().wrapping_sub(punts) <= u32::MAX / 2 {
            return Ok(true);
        }
        if self.punt_waits {
            self.closing.rotate = self.ended_window_has_punts()?;
            return Ok(!self.closing.rotate);
        }
        Ok(false)
    }

    /// Publishes and clears a window whose publication has begun, before anything else changes.
    pub(super) fn finish_window<S: Sink>(&mut self, sink: &mut S) -> Result<(), MeterError<S::Error>> {
        if self.windows.stage() == Stage::Publishing {
            self.publish(sink)?;
        }
        if self.windows.stage() == Stage::Published {
            self.clear();
            self.closing = Closing::default();
            self.ageing.expiry_is_due();
        }
        Ok(())
    }

    /// Publishes the ended window.
    fn publish<S: Sink>(&mut self, sink: &mut S) -> Result<(), MeterError<S::Error>> {
        let mut publisher = std::mem::take(&mut self.publisher);
        publisher.sums.clear();
        publisher.sums.resize(self.ports * 2, [Amount::default(); 2]);
        let result = self.publish_window(&mut publisher, sink);
        self.publisher = publisher;
        result.map_err(MeterError::Sink)?;
        self.windows.published();
        self.statistics.windows += 1;
        self.commit();
        Ok(())
    }

    fn publish_window<S: Sink>(&self, publisher: &mut Publisher, sink: &mut S) -> Result<(), S::Error> {
        let bounds = self.windows.seal(&[]).bounds;
        // With one stream that wants everything, one pass does both: sums and records.
        let single = self.ports == 1 && self.subscriptions.len() == 1 && self.subscriptions[0].filter.is_none();
        let mut counts = vec![0_u64; self.subscriptions.len()];
        if single {
            counts[0] = self.publish_stream(publisher, &bounds, sink)?;
        } else {
            self.order(publisher);
            self.publish_streams(publisher, &bounds, &mut counts, sink)?;
        }
        let sealed = self.windows.seal(&publisher.sums);
        for (stream, subscription) in self.subscriptions.iter().enumerate() {
            if let Some(entry) = sealed.status_entry(subscription.vport, counts[stream]) {
                sink.entry(stream, &bounds, &entry)?;
            }
        }
        sink.sealed(&sealed)
    }

    /// One ENI and all of its records: how many they are.
    // By itself, since within a poll its values would not stay in registers.
    #[inline(never)]
    fn publish_stream<S: Sink>(
        &self,
        publisher: &mut Publisher,
        bounds: &WindowBounds,
        sink: &mut S,
    ) -> Result<u64, S::Error> {
        let Publisher { sums, facts, .. } = publisher;
        let count = self.windows.listed();
        for first in (0..count).step_by(BATCH) {
            facts.clear();
            facts.extend((first..count.min(first + BATCH)).map(|place| {
                let (_, flow, tally) = self.counted(place);
                add_sum(sums, &flow, &tally);
                self.windows.facts(&flow, &tally, place as u64)
            }));
            sink.flows(0, bounds, facts)?;
        }
        Ok(count as u64)
    }

    /// The flow at a place of the window, and what it counted; asks for those that come soon.
    #[inline]
    fn counted(&self, place: usize) -> (FlowId, Flow, Tally) {
        if let Some(soon) = self.windows.prefetch_behind(place) {
            self.slow.flows.prefetch(soon);
        }
        let (id, tally) = self.windows.tally_at(place);
        (id, self.slow.flows.get(id), tally)
    }

    /// The window's flows by ENI, each ENI's in the order of first counts.
    fn order(&self, publisher: &mut Publisher) {
        let Publisher { sums, order, .. } = publisher;
        order.clear();
        order.extend((0..self.windows.listed()).map(|place| {
            let (id, flow, tally) = self.counted(place);
            add_sum(sums, &flow, &tally);
            (id, tally)
        }));
        // Stable, so each ENI's order stays.
        order.sort_by_key(|(id, _)| self.port_of(*id));
    }

    fn port_of(&self, id: FlowId) -> u16 {
        self.slow.flows.get(id).key.port.vport()
    }

    /// Several ENIs, or some of their records: stream by stream, in order.
    fn publish_streams<S: Sink>(
        &self,
        publisher: &mut Publisher,
        bounds: &WindowBounds,
        counts: &mut [u64],
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let Publisher { order, facts, .. } = publisher;
        for (stream, subscription) in self.subscriptions.iter().enumerate() {
            let from = order.partition_point(|(id, _)| self.port_of(*id) < subscription.vport);
            let to = order.partition_point(|(id, _)| self.port_of(*id) <= subscription.vport);
            for flows in order[from..to].chunks(BATCH) {
                facts.clear();
                for (id, tally) in flows {
                    let sequence = counts[stream] + facts.len() as u64;
                    let fact = self.windows.facts(&self.slow.flows.get(*id), tally, sequence);
                    if subscription.filter.as_ref().is_none_or(|filter| filter(&fact)) {
                        facts.push(fact);
                    }
                }
                counts[stream] += facts.len() as u64;
                sink.flows(stream, bounds, facts)?;
            }
        }
        Ok(())
    }
}

/// Adds a record to the sums of its side.
#[inline]
fn add_sum(sums: &mut [[Amount; 2]], flow: &Flow, tally: &Tally) {
    let port = flow.key.port;
    let side = usize::from(port.vport()) * 2 + port.direction().index();
    sums[side][usize::from(flow.marks().rejected())].add(tally.packets(), tally.bytes());
}
