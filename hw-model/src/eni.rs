//! ENIs: the ledger that accounts for every packet, and the limits of an instance.
//!
//! A ledger is kept for each ENI, direction and bank. `Offered` is counted where a packet enters,
//! every other counter where the packet ends: that they agree is the proof, so nothing here
//! computes one from the others.

use firmware_abi::descriptor::{Ledger, LimitDrop};
use firmware_abi::key::Direction;
use firmware_abi::limits::{EniFlags, EniLimits};

/// The counters of one ENI, direction and window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets, in the order of [`Ledger`].
    pub packets: [u64; 8],
    /// Layer-3 bytes, likewise.
    pub bytes: [u64; 8],
    /// Packets that a limit stopped, in the order of [`LimitDrop`].
    pub limits: [u64; 8],
}

impl Counts {
    /// Counts one packet as `end`. Counters wrap, as in hardware: a host that injects what was never
    /// punted takes one below 0, and finds that in its ledger.
    #[inline]
    pub fn add(&mut self, end: Ledger, bytes: u32) {
        self.packets[end as usize] = self.packets[end as usize].wrapping_add(1);
        self.bytes[end as usize] = self.bytes[end as usize].wrapping_add(u64::from(bytes));
    }

    /// Moves one packet from where it was to where it ended.
    #[inline]
    pub fn transfer(&mut self, from: Ledger, to: Ledger, bytes: u32) {
        self.packets[from as usize] = self.packets[from as usize].wrapping_sub(1);
        self.bytes[from as usize] = self.bytes[from as usize].wrapping_sub(u64::from(bytes));
        self.add(to, bytes);
    }

    /// Counts the reason of a drop.
    #[inline]
    pub fn limit(&mut self, reason: LimitDrop) {
        self.limits[reason as usize] += 1;
    }
}

/// A token bucket that is exact: tokens are counted in units of 10^-9.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenBucket {
    /// Tokens a second; 0 is no limit.
    rate: u64,
    /// Most tokens · 10^9.
    depth: u64,
    level: u64,
    updated_ns: u64,
}

const UNIT: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: u64, burst: u64) -> Self {
        let depth = burst.max(1).saturating_mul(UNIT);
        Self { rate, depth, level: depth, updated_ns: 0 }
    }

    /// Whether `tokens` are there at `now_ns`.
    #[inline]
    pub fn has(&mut self, tokens: u64, now_ns: u64) -> bool {
        if self.rate == 0 {
            return true;
        }
        let elapsed = now_ns.saturating_sub(self.updated_ns);
        self.updated_ns = self.updated_ns.max(now_ns);
        self.level = self.level.saturating_add(elapsed.saturating_mul(self.rate)).min(self.depth);
        // A packet larger than the bucket is let through by a full one, or it never could be.
        self.level >= tokens.saturating_mul(UNIT).min(self.depth)
    }

    /// Takes `tokens`, which are there.
    #[inline]
    pub fn take(&mut self, tokens: u64) {
        if self.rate != 0 {
            self.level = self.level.saturating_sub(tokens.saturating_mul(UNIT));
        }
    }
}

/// The limits that the ENIs of one instance share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Instance {
    limits: EniLimits,
    bits_summed: bool,
    packets: TokenBucket,
    bytes: [TokenBucket; 2],
    new_flows: TokenBucket,
}

impl Instance {
    fn configure(&mut self, limits: EniLimits, bits_summed: bool) {
        if self.limits == limits && self.bits_summed == bits_summed {
            return;
        }
        let bytes_per_second = u64::from(limits.kilobits_per_second) * 125;
        let bytes = TokenBucket::new(bytes_per_second, u64::from(limits.byte_burst));
        *self = Self {
            limits,
            bits_summed,
            packets: TokenBucket::new(u64::from(limits.packets_per_second), u64::from(limits.packet_burst)),
            bytes: [bytes; 2],
            new_flows: TokenBucket::new(u64::from(limits.new_flows_per_second), u64::from(limits.new_flow_burst)),
        };
    }

    /// Takes a packet from the buckets, or says which one is empty: true for the packet bucket.
    #[inline]
    fn admit(&mut self, direction: Direction, bytes: u32, now_ns: u64) -> Result<(), bool> {
        let side = if self.bits_summed { 0 } else { direction.index() };
        // Both are filled up before either is asked, as a pipeline does.
        let (packets, bits) = (self.packets.has(1, now_ns), self.bytes[side].has(u64::from(bytes), now_ns));
        if !packets || !bits {
            return Err(!packets);
        }
        self.packets.take(1);
        self.bytes[side].take(u64::from(bytes));
        Ok(())
    }
}

/// One virtual port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Eni {
    /// As SET_ENI said.
    pub flags: EniFlags,
    /// Slots that it may hold; 0 is no limit.
    pub slot_quota: u32,
    /// Slots that it holds.
    pub slots_used: u32,
    /// Punt ring slots that its waiting frames may hold; 0 is no limit.
    pub punt_credit: u32,
    /// Punt ring slots that they hold.
    pub punt_used: u32,
    /// Any limit of its instance is set.
    pub limited: bool,
    /// The ledgers: by direction, then bank.
    pub ledgers: [[Counts; 2]; 2],
}

/// All virtual ports and instances.
#[derive(Clone, Debug)]
pub struct Enis {
    ports: Vec<Eni>,
    instances: Vec<Instance>,
}

impl Enis {
    /// `2^enis_log2` ports, none enabled.
    #[must_use]
    pub fn new(enis_log2: u32) -> Self {
        let ports = 1 << enis_log2;
        Self { ports: vec![Eni::default(); ports], instances: vec![Instance::default(); ports] }
    }

    /// Number of ports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// Whether there are no ports at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// A port, if it exists.
    #[must_use]
    #[inline]
    pub fn get(&self, vport: u16) -> Option<&Eni> {
        self.ports.get(usize::from(vport))
    }

    /// A port to change, if it exists.
    #[inline]
    pub fn get_mut(&mut self, vport: u16) -> Option<&mut Eni> {
        self.ports.get_mut(usize::from(vport))
    }

    /// Whether the port takes frames.
    #[must_use]
    #[inline]
    pub fn enabled(&self, vport: u16) -> bool {
        self.get(vport).is_some_and(|eni| eni.flags.enabled())
    }

    /// SET_ENI. False if the port or the instance does not exist.
    pub fn configure(&mut self, vport: u16, limits: EniLimits, flags: EniFlags) -> bool {
        let Some(instance) = self.instances.get_mut(usize::from(flags.instance())) else { return false };
        let Some(eni) = self.ports.get_mut(usize::from(vport)) else { return false };
        let shared = EniLimits { slot_quota: 0, punt_credit: 0, ..limits };
        instance.configure(shared, flags.bits_summed());
        eni.flags = flags;
        eni.slot_quota = limits.slot_quota;
        eni.punt_credit = limits.punt_credit;
        eni.limited = shared != EniLimits::default();
        true
    }

    /// The policer and the shaper: takes a packet from the instance's buckets, or names the limit.
    #[inline]
    pub fn admit(&mut self, vport: u16, direction: Direction, bytes: u32, now_ns: u64) -> Result<(), LimitDrop> {
        match self.ports.get(usize::from(vport)) {
            Some(eni) if eni.limited => self.admit_limited(eni.flags.instance(), direction, bytes, now_ns),
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn admit_limited(&mut self, instance: u16, direction: Direction, bytes: u32, now_ns: u64) -> Result<(), LimitDrop> {
        let Some(instance) = self.instances.get_mut(usize::from(instance)) else { return Ok(()) };
        instance.admit(direction, bytes, now_ns).map_err(|packets| match (direction, packets) {
            (Direction::Ingress, true) => LimitDrop::PolicedPackets,
            (Direction::Ingress, false) => LimitDrop::PolicedBits,
            (Direction::Egress, true) => LimitDrop::ShapedPackets,
            (Direction::Egress, false) => LimitDrop::ShapedBits,
        })
    }

    /// Whether any limit of the port's instance is set.
    #[must_use]
    #[inline]
    pub fn limited(&self, vport: u16) -> bool {
        self.get(vport).is_some_and(|eni| eni.limited)
    }

    /// Takes a new flow from the instance's bucket; false if it is empty.
    pub fn admit_new_flow(&mut self, vport: u16, now_ns: u64) -> bool {
        let Some(eni) = self.ports.get(usize::from(vport)).filter(|eni| eni.limited) else { return true };
        let Some(instance) = self.instances.get_mut(usize::from(eni.flags.instance())) else { return true };
        let admitted = instance.new_flows.has(1, now_ns);
        if admitted {
            instance.new_flows.take(1);
        }
        admitted
    }

    /// The ledger of a port, direction and bank.
    #[inline]
    pub fn ledger(&mut self, vport: u16, direction: Direction, bank: usize) -> Option<&mut Counts> {
        Some(&mut self.ports.get_mut(usize::from(vport))?.ledgers[direction.index()][bank & 1])
    }
}
