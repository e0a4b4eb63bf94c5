//! What SET_ENI tells the NIC.

use bitfield::bitfield;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitfield! {
    /// Flags of an ENI, in the place of SET_ENI's `cookie`.
    #[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(transparent)]
    pub struct EniFlags(pub u32);
    impl Debug;
    u32;
    /// The ENI exists: frames are taken and its ledger is drained.
    pub enabled, set_enabled: 0;
    /// The instance's bit limit holds for both directions together, not for each.
    pub bits_summed, set_bits_summed: 1;
    /// The instance whose limits the ENI shares: 0 to 4,095.
    pub u16, instance, set_instance: 27, 16;
}

/// Limits of an instance, the first 36 bytes of SET_ENI's key area. 0 means no limit.
///
/// ENIs of one instance share its token buckets; the last SET_ENI of an instance holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EniLimits {
    /// Packets per second, both directions together.
    pub packets_per_second: u32,
    /// Depth of that bucket, packets.
    pub packet_burst: u32,
    /// Kilobits per second of layer-3 bytes.
    pub kilobits_per_second: u32,
    /// Depth of that bucket, bytes.
    pub byte_burst: u32,
    /// New flows (misses) per second.
    pub new_flows_per_second: u32,
    /// Depth of that bucket, flows.
    pub new_flow_burst: u32,
    /// Slots that the ENI may hold, both directions together.
    pub slot_quota: u32,
    /// Ring slots that the ENI's waiting punts may hold.
    pub punt_credit: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<EniLimits>() == 36);
