//! The pcap format: a file header, then packets, each behind a record header of 16 bytes.
//!
//! ```text
//! file header    magic 4, version 2 + 2, zone 4, accuracy 4, snap length 4, link type 4
//! record header  seconds 4, fraction 4, captured length 4, length on the wire 4
//! ```
//!
//! The magic number tells the byte order and whether the fraction is micro- or nanoseconds. The
//! link type's upper bits tell how many bytes of frame check sequence end each packet.
//!
//! This is the hot path of a replay. Ethernet without FCS, in other words nearly every capture, is
//! walked in place: a packet costs a look at its record header, and the bytes of all packets in the
//! window are copied in one piece, record headers and all.

use super::error::{CaptureError, CaptureErrorKind, PACKET_LENGTH_MAX, Part};
use super::link::LinkType;
use super::stream::Stream;
use crate::frames::{FrameBatch, Place};

const FILE_HEADER_LENGTH: usize = 24;
const RECORD_HEADER_LENGTH: usize = 16;
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINK_TYPE_OFFSET: usize = 20;

/// What the file header says about every packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classic {
    big_endian: bool,
    nanoseconds_per_fraction: u32,
    link_type: LinkType,
    fcs_length: u32,
}

impl Classic {
    /// Whether a file that starts with these bytes is a pcap file.
    pub(super) fn recognises(head: [u8; 4]) -> bool {
        order_and_fraction(head).is_some()
    }

    /// Reads the file header.
    pub(super) fn start(stream: &mut Stream) -> Result<Self, CaptureError> {
        let available = stream.fill(FILE_HEADER_LENGTH)?;
        let header = stream.window().first_chunk::<FILE_HEADER_LENGTH>();
        let Some(header) = header.copied() else {
            return Err(stream.error(CaptureErrorKind::Truncated {
                part: Part::FileHeader,
                needed: FILE_HEADER_LENGTH as u64,
                available: available as u64,
            }));
        };
        let [m0, m1, m2, m3, a0, a1, i0, i1, .., l0, l1, l2, l3] = header;
        let Some((big_endian, nanoseconds_per_fraction)) = order_and_fraction([m0, m1, m2, m3]) else {
            let magic = u32::from_be_bytes([m0, m1, m2, m3]);
            return Err(stream.error(CaptureErrorKind::NotACapture { magic }));
        };
        let half = |bytes| match big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        let (major, minor) = (half([a0, a1]), half([i0, i1]));
        // Before 2.3 the two lengths of a record were the other way round; 2.4 is from 1998.
        if (major, minor) != (2, 4) && (major, minor) != (2, 3) {
            return Err(stream.error(CaptureErrorKind::UnsupportedVersion {
                format: "pcap",
                major,
                minor,
                expected: "2.3 or 2.4",
            }));
        }
        let link = match big_endian {
            true => u32::from_be_bytes([l0, l1, l2, l3]),
            false => u32::from_le_bytes([l0, l1, l2, l3]),
        };
        let Some(link_type) = LinkType::from_number(link as u16) else {
            let kind = CaptureErrorKind::UnknownLinkType { found: link as u16 };
            stream.consume(LINK_TYPE_OFFSET);
            return Err(stream.error(kind));
        };
        stream.consume(FILE_HEADER_LENGTH);
        Ok(Self { big_endian, nanoseconds_per_fraction, link_type, fcs_length: fcs_length(link) })
    }

    /// Appends up to `max` packets to the batch and answers how many. On an error the packets
    /// before it are in the batch already, and `added` counts them.
    pub(super) fn read_into(
        &self,
        stream: &mut Stream,
        batch: &mut FrameBatch,
        max: usize,
        added: &mut usize,
    ) -> Result<(), CaptureError> {
        loop {
            *added += if self.big_endian {
                self.walk::<true>(stream, batch, max - *added)
            } else {
                self.walk::<false>(stream, batch, max - *added)
            };
            if *added >= max {
                return Ok(());
            }
            let available = stream.fill(RECORD_HEADER_LENGTH)?;
            let header = stream.window().first_chunk::<RECORD_HEADER_LENGTH>();
            let needed = match header {
                Some(header) => {
                    let captured = Record::parse(header, self.big_endian).captured;
                    if captured > PACKET_LENGTH_MAX {
                        let kind = CaptureErrorKind::ImpossiblePacketLength { found: captured };
                        return Err(stream.error(kind));
                    }
                    RECORD_HEADER_LENGTH + captured as usize
                }
                None if available == 0 => return Ok(()),
                None => RECORD_HEADER_LENGTH,
            };
            let available = stream.fill(needed)?;
            if available < needed {
                return Err(stream.error(CaptureErrorKind::Truncated {
                    part: Part::Packet,
                    needed: needed as u64,
                    available: available as u64,
                }));
            }
        }
    }

    /// Takes the whole, possible packets at the window's start, up to `max`.
    fn walk<const BIG_ENDIAN: bool>(&self, stream: &mut Stream, batch: &mut FrameBatch, max: usize) -> usize {
        let window = stream.window();
        let (count, length) = if self.link_type == LinkType::Ethernet && self.fcs_length == 0 {
            self.walk_in_place::<BIG_ENDIAN>(window, batch, max)
        } else {
            self.walk_and_convert::<BIG_ENDIAN>(window, batch, max)
        };
        stream.consume(length);
        count
    }

    fn walk_in_place<const BIG_ENDIAN: bool>(
        &self,
        window: &[u8],
        batch: &mut FrameBatch,
        max: usize,
    ) -> (usize, usize) {
        let mut at = 0;
        let most = max.min(window.len() / RECORD_HEADER_LENGTH);
        let count = batch.push_run(window, most, || {
            let record = Record::at::<BIG_ENDIAN>(window, at)?;
            let offset = at + RECORD_HEADER_LENGTH;
            at = record.end(at);
            let time_ns = record.time_ns(self.nanoseconds_per_fraction);
            Some(Place { time_ns, wire_length: record.wire_length, offset, snap_length: record.captured })
        });
        (count, at)
    }

    fn walk_and_convert<const BIG_ENDIAN: bool>(
        &self,
        window: &[u8],
        batch: &mut FrameBatch,
        max: usize,
    ) -> (usize, usize) {
        let (mut count, mut at) = (0, 0);
        while count < max
            && let Some(record) = Record::at::<BIG_ENDIAN>(window, at)
        {
            let time_ns = record.time_ns(self.nanoseconds_per_fraction);
            let bytes = &window[at + RECORD_HEADER_LENGTH..record.end(at)];
            self.link_type.append(batch, time_ns, record.wire_length, self.fcs_length, bytes);
            at = record.end(at);
            count += 1;
        }
        (count, at)
    }
}

/// The byte order, big-endian or not, and the nanoseconds in one unit of the fraction.
fn order_and_fraction(head: [u8; 4]) -> Option<(bool, u32)> {
    let (big, little) = (u32::from_be_bytes(head), u32::from_le_bytes(head));
    match (big, little) {
        (MAGIC_MICROSECONDS, _) => Some((true, 1_000)),
        (_, MAGIC_MICROSECONDS) => Some((false, 1_000)),
        (MAGIC_NANOSECONDS, _) => Some((true, 1)),
        (_, MAGIC_NANOSECONDS) => Some((false, 1)),
        _ => None,
    }
}

/// Bit 26 says that bits 28 to 31 hold the length of the frame check sequence, in 16-bit words.
fn fcs_length(link: u32) -> u32 {
    if link & 0x0400_0000 == 0 {
        return 0;
    }
    (link >> 28) * 2
}

/// A packet's record header.
#[derive(Clone, Copy)]
struct Record {
    seconds: u32,
    fraction: u32,
    captured: u32,
    wire_length: u32,
}

impl Record {
    #[inline(always)]
    fn parse(header: &[u8; RECORD_HEADER_LENGTH], big_endian: bool) -> Self {
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let word = |bytes| match big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        };
        Self {
            seconds: word([s0, s1, s2, s3]),
            fraction: word([f0, f1, f2, f3]),
            captured: word([c0, c1, c2, c3]),
            wire_length: word([w0, w1, w2, w3]),
        }
    }

    /// The packet whose header is at `at` of the window, or `None` if it is not all there or impossibly long.
    #[inline(always)]
    fn at<const BIG_ENDIAN: bool>(window: &[u8], at: usize) -> Option<Self> {
        let header = window.get(at..at + RECORD_HEADER_LENGTH)?.first_chunk()?;
        let record = Self::parse(header, BIG_ENDIAN);
        (record.captured <= PACKET_LENGTH_MAX && record.end(at) <= window.len()).then_some(record)
    }

    /// Where the packet ends, if its header is at `at`.
    #[inline(always)]
    fn end(&self, at: usize) -> usize {
        at + RECORD_HEADER_LENGTH + self.captured as usize
    }

    /// A fraction of a second and more, as damaged files have it, carries over.
    #[inline(always)]
    fn time_ns(&self, nanoseconds_per_fraction: u32) -> u64 {
        u64::from(self.seconds) * 1_000_000_000 + u64::from(self.fraction) * u64::from(nanoseconds_per_fraction)
    }
}
