//! The NIC as a PCI function: what a host's accesses do to it.
//!
//! - The memory that a client gives is mapped by the page, and each file once. Of a client that has gone it stays, so
//!   that the NIC goes on and the next client finds all as it was; until the function is reset.
//! - While the function may not be bus master, nothing is mapped for the NIC and no vector is wired to it.

use super::config::{BAR_BYTES, CONFIG_BYTES, ConfigSpace, VECTORS};
use crate::card::{Card, SimIo};
use crate::hostmem::IOVA_END;
use driver::device::{Device, Iova};
use driver::dma::DmaMemory;
use driver::mapping::Mapping;
use driver::regio::RegIo;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

/// Memory that a client has given.
#[derive(Debug)]
struct Given {
    memory: DmaMemory,
    session: u64,
}

/// The function.
#[derive(Debug)]
pub(super) struct Function {
    card: Rc<Card>,
    io: SimIo,
    config: ConfigSpace,
    /// BAR2. Who holds the other end of the eventfds keeps the true table; here it is memory.
    table: Vec<u8>,
    given: BTreeMap<u64, Given>,
    /// What files are mapped, by device and inode.
    files: BTreeMap<(u64, u64), Rc<Mapping>>,
    vectors: Vec<Option<OwnedFd>>,
    session: u64,
    is_master: bool,
    has_vectors: bool,
    resets: u64,
}

impl Function {
    /// Of a card that was powered on.
    pub(super) fn new(card: Rc<Card>) -> Self {
        let io = card.device().io().clone();
        Self {
            card,
            io,
            config: ConfigSpace::new(),
            table: vec![0; BAR_BYTES],
            given: BTreeMap::new(),
            files: BTreeMap::new(),
            vectors: (0..VECTORS).map(|_| None).collect(),
            session: 0,
            is_master: false,
            has_vectors: false,
            resets: 0,
        }
    }

    /// How often the function was reset.
    pub(super) const fn resets(&self) -> u64 {
        self.resets
    }

    /// Registers of BAR0.
    pub(super) const fn io(&self) -> &SimIo {
        &self.io
    }

    /// The host reads a BAR or configuration space; what cannot be read is all ones.
    pub(super) fn read(&self, region: u32, offset: u64, into: &mut [u8]) {
        match region {
            7 => self.config.read(offset, into),
            0 if self.config.has_memory() => by_dwords(offset, into, |at| self.io.load(at)),
            2 if self.config.has_memory() => {
                for (at, byte) in (offset..).zip(into) {
                    *byte = usize::try_from(at).ok().and_then(|at| self.table.get(at)).copied().unwrap_or(0xff);
                }
            }
            _ => into.fill(0xff),
        }
    }

    /// Whether BARs answer.
    pub(super) fn has_memory(&self) -> bool {
        self.config.has_memory()
    }

    /// The host writes to a BAR or configuration space; what cannot be written is lost.
    pub(super) fn write(&mut self, region: u32, offset: u64, data: &[u8]) {
        match region {
            7 if offset < CONFIG_BYTES as u64 => {
                if self.config.write(offset, data) {
                    self.reset();
                }
                self.apply();
            }
            0 if self.config.has_memory() => {
                for (at, dword) in dwords(offset, data) {
                    self.io.store(at, dword);
                }
            }
            2 if self.config.has_memory() => {
                for (at, byte) in (offset..).zip(data) {
                    if let Some(held) = usize::try_from(at).ok().and_then(|at| self.table.get_mut(at)) {
                        *held = *byte;
                    }
                }
            }
            _ => {}
        }
    }

    /// Function level reset, or the client's.
    pub(super) fn reset(&mut self) {
        self.resets += 1;
        self.config = ConfigSpace::new();
        self.table.fill(0);
        self.apply();
        // The card's own reset cannot fail: it is a register write.
        let _ = self.card.device().reset();
        let session = self.session;
        self.given.retain(|_, given| given.session == session);
        self.forget_files();
    }

    /// The client has gone: what it gave stays.
    pub(super) fn client_left(&mut self) {
        self.session += 1;
    }

    /// Makes true what configuration space says.
    fn apply(&mut self) {
        let (is_master, has_vectors) = (self.config.is_master(), self.config.has_vectors());
        if is_master != self.is_master {
            self.is_master = is_master;
            for given in self.given.values() {
                if is_master {
                    self.card.nic().map(&given.memory);
                } else {
                    self.card.nic().unmap(given.memory.iova());
                }
            }
        }
        if has_vectors != self.has_vectors {
            self.has_vectors = has_vectors;
            for vector in 0..VECTORS {
                self.wire_vector(vector);
            }
        }
    }

    /// Gives the NIC the eventfd of a vector, or takes it away.
    fn wire_vector(&self, vector: u32) {
        let eventfd = self.vectors.get(vector as usize).and_then(Option::as_ref).filter(|_| self.has_vectors);
        let eventfd = eventfd.and_then(|eventfd| eventfd.try_clone().ok());
        self.card.nic().set_vector(vector as u8, eventfd);
    }

    /// The client gives eventfds for the vectors from `start` on, or takes `count` of them away.
    pub(super) fn set_vectors(&mut self, start: u32, count: u32, mut fds: Vec<OwnedFd>) -> io::Result<()> {
        let end = start.checked_add(count.max(fds.len() as u32)).filter(|end| *end <= VECTORS);
        let end =
            end.ok_or_else(|| wrong(format!("found vectors {start} and {count} more, expected {VECTORS} at most")))?;
        // Of none at all, from the first on, all are meant.
        let end = if (start, count) == (0, 0) { VECTORS } else { end };
        let mut given = fds.drain(..);
        for vector in start..end {
            self.vectors[vector as usize] = given.next();
            self.wire_vector(vector);
        }
        Ok(())
    }

    /// The client lets the NIC reach `bytes` bytes of `file`, from `offset` on, at `iova`.
    pub(super) fn map(&mut self, iova: u64, bytes: u64, offset: u64, file: &File) -> io::Result<()> {
        let end = iova.checked_add(bytes).filter(|end| bytes > 0 && *end <= IOVA_END);
        let end =
            end.ok_or_else(|| wrong(format!("found {bytes:#x} bytes at {iova:#x}, expected less than {IOVA_END:#x}")))?;
        if !(iova | offset).is_multiple_of(4096) {
            return Err(wrong(format!("found IOVA {iova:#x} and offset {offset:#x}, expected multiples of a page")));
        }
        let mapping = self.mapping(file, offset, bytes)?;
        self.unmap(iova, end - iova);
        let memory = mapping.memory(offset as usize, bytes as usize, Iova(iova));
        if self.is_master {
            self.card.nic().map(&memory);
        }
        self.given.insert(iova, Given { memory, session: self.session });
        Ok(())
    }

    /// All of `file`, mapped: once, however many parts are given.
    fn mapping(&mut self, file: &File, offset: u64, bytes: u64) -> io::Result<Rc<Mapping>> {
        let metadata = file.metadata()?;
        let key = (metadata.dev(), metadata.ino());
        let end = offset.checked_add(bytes).filter(|end| *end <= metadata.len());
        let end = end.ok_or_else(|| {
            wrong(format!(
                "found {bytes:#x} bytes from {offset:#x} on, expected them in a file of {:#x}",
                metadata.len()
            ))
        })?;
        if let Some(known) = self.files.get(&key).filter(|known| known.bytes() as u64 >= end) {
            return Ok(Rc::clone(known));
        }
        let mapping = Rc::new(Mapping::new(file, 0, metadata.len() as usize)?);
        self.files.insert(key, Rc::clone(&mapping));
        Ok(mapping)
    }

    /// The client takes away what it gave within `bytes` bytes from `iova` on.
    pub(super) fn unmap(&mut self, iova: u64, bytes: u64) {
        let end = iova.saturating_add(bytes);
        let first = self.given.range(..iova).next_back().map_or(iova, |(first, _)| *first);
        let overlaps = |at: u64, given: &Given| at < end && at + given.memory.bytes() as u64 > iova;
        let gone: Vec<u64> =
            self.given.range(first..end).filter(|(at, given)| overlaps(**at, given)).map(|(at, _)| *at).collect();
        for at in gone {
            self.given.remove(&at);
            self.card.nic().unmap(Iova(at));
        }
        self.forget_files();
    }

    fn forget_files(&mut self) {
        self.files.retain(|_, mapping| Rc::strong_count(mapping) > 1);
    }
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Fills `into` from registers of 32 bits.
pub(super) fn by_dwords(offset: u64, into: &mut [u8], load: impl Fn(u32) -> u32) {
    let mut at = offset;
    let mut rest = into;
    while !rest.is_empty() {
        let within = (at % 4) as usize;
        let count = rest.len().min(4 - within);
        let (part, behind) = rest.split_at_mut(count);
        let dword = if at < BAR_BYTES as u64 { load(at as u32 & !3) } else { u32::MAX };
        part.copy_from_slice(&dword.to_le_bytes()[within..within + count]);
        (at, rest) = (at + count as u64, behind);
    }
}

/// The whole registers in what is written; the rest is lost.
pub(super) fn dwords(offset: u64, data: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let is_whole = offset.is_multiple_of(4) && offset < BAR_BYTES as u64;
    let parts = if is_whole { data } else { &[] }.chunks_exact(4).filter_map(|part| part.first_chunk());
    let ats = (offset as u32..BAR_BYTES as u32).step_by(4);
    ats.zip(parts.map(|part| u32::from_le_bytes(*part)))
}
