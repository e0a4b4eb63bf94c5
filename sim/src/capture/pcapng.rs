//! The pcapng format: blocks, some of which are packets.
//!
//! ```text
//! block      type 4, length 4, body, padding, length 4
//! section    byte order mark 4, version 2 + 2, section length 8, options
//! interface  link type 2, reserved 2, snap length 4, options
//! packet     interface 4, time 4 + 4, captured length 4, length on the wire 4, bytes, options
//! ```
//!
//! A file is one section or several. Each has its own byte order and describes its own interfaces,
//! and each interface has its own link type, clock and FCS length. Blocks of other types are passed
//! over. A Simple Packet Block has no time: its frame gets the time of the packet before it.

use super::error::{BLOCK_LENGTH_MAX, CaptureError, CaptureErrorKind, INTERFACES_MAX, PACKET_LENGTH_MAX, Part};
use super::link::LinkType;
use super::options::{Clock, Options};
use super::stream::Stream;
use crate::frames::FrameBatch;

pub(super) const BLOCK_SECTION: u32 = 0x0a0d_0d0a;
const BLOCK_INTERFACE: u32 = 1;
const BLOCK_PACKET_OBSOLETE: u32 = 2;
const BLOCK_PACKET_SIMPLE: u32 = 3;
const BLOCK_PACKET: u32 = 6;
const BYTE_ORDER_MARK: u32 = 0x1a2b_3c4d;
/// Type, length and length again.
const BLOCK_OVERHEAD: u32 = 12;
const OPTION_PACKET_FLAGS: u16 = 2;
const OPTION_CLOCK_RESOLUTION: u16 = 9;
const OPTION_FCS_LENGTH: u16 = 13;
const OPTION_CLOCK_OFFSET: u16 = 14;

/// Byte order of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) big_endian: bool,
}

impl Order {
    #[inline]
    pub(super) fn half(self, bytes: [u8; 2]) -> u16 {
        match self.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn word(self, bytes: [u8; 4]) -> u32 {
        match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        }
    }

    pub(super) fn double(self, bytes: [u8; 8]) -> u64 {
        match self.big_endian {
            true => u64::from_be_bytes(bytes),
            false => u64::from_le_bytes(bytes),
        }
    }
}

/// What a section says of an interface.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    snap_length: u32,
    clock: Clock,
    fcs_length: u32,
}

/// The state of a section: its order and its interfaces.
#[derive(Clone, Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    last_time_ns: u64,
}

/// A packet as its block tells it.
struct Packet<'a> {
    interface: u32,
    /// In the interface's units; a simple packet has none.
    time: Option<u64>,
    captured: u32,
    wire_length: u32,
    /// Bytes, padding and options.
    rest: &'a [u8],
}

impl Pcapng {
    /// Reads the header of the first section.
    pub(super) fn start(stream: &mut Stream) -> Result<Self, CaptureError> {
        const SECTION_LENGTH_MIN: usize = 28;
        let available = stream.fill(SECTION_LENGTH_MIN)?;
        if available < SECTION_LENGTH_MIN {
            return Err(stream.error(CaptureErrorKind::Truncated {
                part: Part::FileHeader,
                needed: SECTION_LENGTH_MIN as u64,
                available: available as u64,
            }));
        }
        let mut this = Self { order: Order { big_endian: false }, interfaces: Vec::new(), last_time_ns: 0 };
        let mut unused = FrameBatch::new();
        this.block(stream, &mut unused)?;
        Ok(this)
    }

    /// Appends up to `max` packets to the batch and answers how many. On an error the packets
    /// before it are in the batch already, and `added` counts them.
    pub(super) fn read_into(
        &mut self,
        stream: &mut Stream,
        batch: &mut FrameBatch,
        max: usize,
        added: &mut usize,
    ) -> Result<(), CaptureError> {
        while *added < max {
            match self.block(stream, batch)? {
                Step::Frame => *added += 1,
                Step::Other => {}
                Step::End => break,
            }
        }
        Ok(())
    }

    /// Reads one block.
    fn block(&mut self, stream: &mut Stream, batch: &mut FrameBatch) -> Result<Step, CaptureError> {
        let available = stream.fill(BLOCK_OVERHEAD as usize)?;
        let Some((head, _)) = stream.window().split_first_chunk::<12>() else {
            if available == 0 {
                return Ok(Step::End);
            }
            return Err(truncated(stream, BLOCK_OVERHEAD as usize, available));
        };
        let [t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3] = *head;
        let block_type = self.order.word([t0, t1, t2, t3]);
        // The section's type reads the same in both orders, and only its mark tells which holds.
        if block_type == BLOCK_SECTION {
            let order = section_order([m0, m1, m2, m3]);
            self.order = order.map_err(|kind| stream.error(kind))?;
        }
        let length = self.order.word([l0, l1, l2, l3]);
        let minimum = least_length(block_type);
        if length < minimum || !length.is_multiple_of(4) || length > BLOCK_LENGTH_MAX {
            return Err(stream.error(CaptureErrorKind::BadBlockLength { found: length, minimum }));
        }
        let available = stream.fill(length as usize)?;
        let Some(block) = stream.window().get(..length as usize) else {
            return Err(truncated(stream, length as usize, available));
        };
        let step = self.inside(block_type, length, block, batch).map_err(|kind| stream.error(kind))?;
        stream.consume(length as usize);
        Ok(step)
    }

    /// Takes a whole block: its body is what is between the two lengths.
    fn inside(
        &mut self,
        block_type: u32,
        length: u32,
        block: &[u8],
        batch: &mut FrameBatch,
    ) -> Result<Step, CaptureErrorKind> {
        let Some((front, trailer)) = block.split_last_chunk::<4>() else {
            return Ok(Step::Other);
        };
        let trailer = self.order.word(*trailer);
        if trailer != length {
            let header = length;
            return Err(CaptureErrorKind::BlockLengthMismatch { header, trailer });
        }
        let body = front.get(8..).unwrap_or(&[]);
        let packet = match block_type {
            BLOCK_PACKET => self.enhanced(body),
            BLOCK_PACKET_OBSOLETE => self.obsolete(body),
            BLOCK_PACKET_SIMPLE => self.simple(body),
            BLOCK_INTERFACE => return self.interface(body).map(|()| Step::Other),
            BLOCK_SECTION => return self.section(body).map(|()| Step::Other),
            _ => None,
        };
        match packet {
            Some(packet) => self.append(&packet, batch).map(|()| Step::Frame),
            None => Ok(Step::Other),
        }
    }

    fn section(&mut self, body: &[u8]) -> Result<(), CaptureErrorKind> {
        if let [_, _, _, _, a0, a1, i0, i1, ..] = *body {
            let major = self.order.half([a0, a1]);
            let minor = self.order.half([i0, i1]);
            // Some writers say 1.2 and mean 1.0, as the specification notes.
            if major != 1 || (minor != 0 && minor != 2) {
                return Err(CaptureErrorKind::UnsupportedVersion {
                    format: "pcapng",
                    major,
                    minor,
                    expected: "1.0 or 1.2",
                });
            }
        }
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), CaptureErrorKind> {
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(CaptureErrorKind::TooManyInterfaces);
        }
        let Some(([t0, t1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk::<8>() else {
            return Ok(());
        };
        let mut interface = Interface {
            link_type: self.order.half([*t0, *t1]),
            snap_length: self.order.word([*s0, *s1, *s2, *s3]),
            clock: Clock::default(),
            fcs_length: 0,
        };
        let mut resolution = 6;
        let mut offset_seconds = 0;
        for option in Options::new(self.order, options) {
            let option = option?;
            match option.code {
                OPTION_CLOCK_RESOLUTION => [resolution] = option.value()?,
                OPTION_CLOCK_OFFSET => {
                    offset_seconds = self.order.double(option.value()?).cast_signed();
                }
                OPTION_FCS_LENGTH => {
                    let [length] = option.value()?;
                    interface.fcs_length = bytes_of_fcs(length);
                }
                _ => {}
            }
        }
        interface.clock = Clock::new(resolution, offset_seconds);
        self.interfaces.push(interface);
        Ok(())
    }

    #[inline]
    fn enhanced<'a>(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let (header, rest) = body.split_first_chunk::<20>()?;
        let [i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let order = self.order;
        let high = u64::from(order.word([h0, h1, h2, h3]));
        Some(Packet {
            interface: order.word([i0, i1, i2, i3]),
            time: Some(high << 32 | u64::from(order.word([l0, l1, l2, l3]))),
            captured: order.word([c0, c1, c2, c3]),
            wire_length: order.word([w0, w1, w2, w3]),
            rest,
        })
    }

    fn obsolete<'a>(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let packet = self.enhanced(body)?;
        let [i0, i1, ..] = *body else { return None };
        // The interface is the first half of the word; the other half counts drops.
        let interface = u32::from(self.order.half([i0, i1]));
        Some(Packet { interface, ..packet })
    }

    fn simple<'a>(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let (wire_length, rest) = body.split_first_chunk::<4>()?;
        let wire_length = self.order.word(*wire_length);
        let snap_length = match self.interfaces.first() {
            Some(interface) if interface.snap_length > 0 => interface.snap_length,
            _ => u32::MAX,
        };
        Some(Packet { interface: 0, time: None, captured: wire_length.min(snap_length), wire_length, rest })
    }

    #[inline]
    fn append(&mut self, packet: &Packet<'_>, batch: &mut FrameBatch) -> Result<(), CaptureErrorKind> {
        let found = packet.captured;
        if found > PACKET_LENGTH_MAX {
            return Err(CaptureErrorKind::ImpossiblePacketLength { found });
        }
        let Some((bytes, rest)) = packet.rest.split_at_checked(found as usize) else {
            let room = packet.rest.len() as u32;
            return Err(CaptureErrorKind::PacketOverrunsBlock { found, room });
        };
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            return Err(CaptureErrorKind::UnknownInterface {
                found: packet.interface,
                described: self.interfaces.len() as u32,
            });
        };
        let Some(link_type) = LinkType::from_number(interface.link_type) else {
            let found = interface.link_type;
            return Err(CaptureErrorKind::UnknownLinkType { found });
        };
        let mut fcs_length = interface.fcs_length;
        let options = rest.get((found as usize).next_multiple_of(4) - found as usize..);
        if let Some(options @ [_, ..]) = options
            && packet.time.is_some()
            && let Some(length) = self.fcs_of_packet(options)
        {
            fcs_length = length;
        }
        if let Some(units) = packet.time {
            self.last_time_ns = interface.clock.unix_ns(units);
        }
        let time_ns = self.last_time_ns;
        link_type.append(batch, time_ns, packet.wire_length, fcs_length, bytes);
        Ok(())
    }

    /// The FCS length in a packet's own flags, bits 5 to 8, where 0 means not told. A packet's
    /// options change nothing else here, so damage in them is not a reason to stop.
    fn fcs_of_packet(&self, options: &[u8]) -> Option<u32> {
        let flags = Options::new(self.order, options)
            .map_while(Result::ok)
            .find(|option| option.code == OPTION_PACKET_FLAGS)?;
        let flags = self.order.word(flags.value().ok()?);
        Some(flags >> 5 & 0xf).filter(|&length| length > 0)
    }
}

/// What a block was.
enum Step {
    Frame,
    Other,
    End,
}

fn truncated(stream: &Stream, needed: usize, available: usize) -> CaptureError {
    stream.error(CaptureErrorKind::Truncated { part: Part::Block, needed: needed as u64, available: available as u64 })
}

fn section_order(mark: [u8; 4]) -> Result<Order, CaptureErrorKind> {
    let found = u32::from_be_bytes(mark);
    if found == BYTE_ORDER_MARK {
        Ok(Order { big_endian: true })
    } else if found.swap_bytes() == BYTE_ORDER_MARK {
        Ok(Order { big_endian: false })
    } else {
        Err(CaptureErrorKind::BadByteOrder { found })
    }
}

fn least_length(block_type: u32) -> u32 {
    BLOCK_OVERHEAD
        + match block_type {
            BLOCK_SECTION => 16,
            BLOCK_INTERFACE => 8,
            BLOCK_PACKET | BLOCK_PACKET_OBSOLETE => 20,
            BLOCK_PACKET_SIMPLE => 4,
            _ => 0,
        }
}

/// The specification says bits and shows bytes in its example; writers do either. No FCS has fewer
/// than 8 bits or more than 8 bytes.
fn bytes_of_fcs(length: u8) -> u32 {
    let length = u32::from(length);
    if length > 8 { length / 8 } else { length }
}
