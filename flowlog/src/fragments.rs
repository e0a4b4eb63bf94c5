//! Fragments: which ports a later fragment's flow has.
//!
//! Only the first fragment of a datagram bears ports. It leaves them here under (ENI, direction,
//! source, destination, protocol, identification); a later one asks. The cache is a set of four
//! places a row; the place that was written longest ago gives way. A later fragment that finds
//! nothing has ports 0.

use crate::memory::{Cells, Memory};
use firmware_abi::hash::h3;
use firmware_abi::key::FlowKey;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const WAYS: usize = 4;

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Datagram {
    /// The key, with the identification for ports; `protocol` 0 marks an empty place only if `order` is 0.
    words: [u64; 5],
    ports: u32,
    /// When it was written, counted; 0 is never.
    order: u32,
}

/// The cache.
pub struct Fragments<M: Memory> {
    places: M::Cells<Datagram>,
    order: M::Cells<u64>,
}

fn words(key: &FlowKey, identification: u32) -> [u64; 5] {
    let mut key = *key;
    key.src_port = identification as u16;
    key.dst_port = (identification >> 16) as u16;
    key.identity()
}

impl<M: Memory> Fragments<M> {
    /// Room for `datagrams`, rounded up to a power of two.
    pub fn new(memory: &mut M, datagrams: usize) -> Result<Self, M::Error> {
        let places = memory.table("fragments", datagrams.max(WAYS).next_power_of_two())?;
        let order = memory.table("fragment order", 1)?;
        Ok(Self { places, order })
    }

    fn row(&self, words: &[u64; 5]) -> usize {
        let rows = self.places.len() / WAYS;
        (h3(words) >> 32) as usize % rows * WAYS
    }

    /// Remembers the ports of a first fragment.
    pub fn put(&mut self, key: &FlowKey, identification: u32) {
        let words = words(key, identification);
        let row = self.row(&words);
        let place = (row..row + WAYS)
            .find(|place| self.places.get(*place).words == words)
            .or_else(|| (row..row + WAYS).min_by_key(|place| self.places.get(*place).order))
            .unwrap_or(row);
        let order = self.order.get(0) + 1;
        self.order.set(0, order);
        let ports = u32::from(key.src_port) << 16 | u32::from(key.dst_port);
        self.places.set(place, Datagram { words, ports, order: order as u32 });
    }

    /// The ports of a later fragment's datagram: source, destination.
    #[must_use]
    pub fn get(&self, key: &FlowKey, identification: u32) -> Option<(u16, u16)> {
        let words = words(key, identification);
        let row = self.row(&words);
        (row..row + WAYS)
            .map(|place| self.places.get(place))
            .find(|datagram| datagram.order != 0 && datagram.words == words)
            .map(|datagram| ((datagram.ports >> 16) as u16, datagram.ports as u16))
    }
}
