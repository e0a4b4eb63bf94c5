//! The header of a punted or injected frame.

use crate::key::FlowKey;
use bitfield::bitfield;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest that a frame can be on the wire as [`FrameLength`] can say it, bytes.
pub const WIRE_BYTES_MAX: u32 = 0x1_ffff;

/// Why a frame was punted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PuntReason {
    /// No slot holds its key. `aux` has the two bucket numbers.
    Miss = 0,
    /// It is a fragment, first or later: only the host knows the flow of a later one.
    /// `aux[0]` is the identification; `aux[1]` as for [`PuntReason::Icmp`].
    Fragment = 1,
    /// It is ICMP or ICMPv6, whose verdict may hang on the type, which the key has not.
    /// `aux[1]` is type << 24 | code << 16 | identifier.
    Icmp = 2,
    /// A retry came back after the window that it is stamped with had been closed.
    /// The host must give a verdict and count it in that window. `aux` as for a miss.
    Late = 3,
    /// A copy of a frame that hit a slot with [`crate::key::SlotAction::AcceptMirror`]: not to be injected.
    Mirror = 4,
}

impl PuntReason {
    /// From its bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Miss,
            1 => Self::Fragment,
            2 => Self::Icmp,
            3 => Self::Late,
            4 => Self::Mirror,
            _ => return None,
        })
    }
}

/// What the NIC is to do with an injected frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Disposition {
    /// Look it up again; a hit is tallied and acted on like any other, a miss is punted again.
    Retry = 0,
    /// The host has counted it: forward it.
    Forward = 1,
    /// The host has counted it: drop it.
    Drop = 2,
}

impl Disposition {
    /// From its bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Retry,
            1 => Self::Forward,
            2 => Self::Drop,
            _ => return None,
        })
    }
}

bitfield! {
    /// Lengths of a frame.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct FrameLength(pub u32);
    impl Debug;
    u32;
    /// Bytes of the frame on the wire, without FCS.
    pub wire, set_wire: 16, 0;
    /// Bytes that follow the header in the ring: as `wire`, but for a simulated wire that plays a
    /// capture cut short, and never more than [`crate::ring::FRAME_BYTES_MAX`].
    pub held, set_held: 30, 17;
}

impl FrameLength {
    /// Both lengths, of which the fields' bits are taken.
    #[must_use]
    #[inline]
    pub const fn new(wire: u32, held: u32) -> Self {
        Self(wire & 0x1_ffff | (held & 0x3fff) << 17)
    }
}

bitfield! {
    /// The last dword of a frame header.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct FrameTail(pub u32);
    impl Debug;
    u32;
    /// Layer-3 bytes of the packet.
    pub l3_bytes, set_l3_bytes: 16, 0;
    /// Low eight bits of the number of the window that the parser stamped.
    pub u8, window, set_window: 24, 17;
    /// [`PuntReason`] of a punt, [`Disposition`] of an inject.
    pub u8, code, set_code: 27, 25;
    /// A later fragment: it has no layer-4 header.
    pub later_fragment, set_later_fragment: 28;
    /// The ENI's new-flow limit was reached: not to be forwarded.
    pub over_new_flow_limit, set_over_new_flow_limit: 29;
    /// The first packet of a fragmented datagram.
    pub first_fragment, set_first_fragment: 30;
    /// The phase bit.
    pub phase, set_phase: 31;
}

impl FrameTail {
    /// A tail without any flag; of the code and the length the fields' bits are taken.
    #[must_use]
    #[inline]
    pub const fn new(l3_bytes: u32, window: u8, code: u8) -> Self {
        Self(l3_bytes & 0x1_ffff | (window as u32) << 17 | (code as u32 & 7) << 25)
    }
}

/// The header of a punted or injected frame, 64 bytes; the frame follows it.
///
/// An injected header is the punted one with another [`FrameTail::code`] and phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct FrameHeader {
    /// The parsed key.
    pub key: FlowKey,
    /// When the parser saw it, Unix ns.
    pub time_ns: u64,
    /// Bucket numbers, or what [`PuntReason`] says.
    pub aux: [u32; 2],
    /// Lengths.
    pub length: FrameLength,
    /// Layer-3 length, window, reason, phase.
    pub tail: FrameTail,
}

const _: () = assert!(size_of::<FrameHeader>() == crate::ring::FRAME_HEADER_BYTES);
const _: () = assert!(core::mem::offset_of!(FrameHeader, tail) == 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_at_once_is_what_its_fields_make() {
        for value in [0, 1, 0x155, 0x3fff, 0x1_2345, 0x1_ffff, u32::MAX] {
            let mut length = FrameLength(0);
            length.set_wire(value);
            length.set_held(!value);
            assert_eq!(FrameLength::new(value, !value), length);
            let mut tail = FrameTail(0);
            tail.set_l3_bytes(value);
            tail.set_window(value as u8);
            tail.set_code(value as u8);
            assert_eq!(FrameTail::new(value, value as u8, value as u8), tail);
        }
    }
}
